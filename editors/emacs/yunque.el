;;; yunque.el --- The language server of yunque, for lsp-mode -*- lexical-binding: t -*-

;; Put this file on the load-path, then (require 'yunque).  Grey text comes with lsp-mode's lsp-inline-completion;
;; tasks are code actions (lsp-execute-code-action).

;;; Code:

(require 'lsp-mode)
(require 'lsp-inline-completion nil t)

(defgroup yunque nil
  "Completions from your team's own code model."
  :group 'lsp-mode)

(defcustom yunque-command '("yunque" "lsp")
  "How the language server is started."
  :type '(repeat string))

(defcustom yunque-options '(:url "" :maxTokens 64 :hold t :feedback "off")
  "Its settings; an empty url starts a gateway for this editor."
  :type 'plist)

(defvar yunque-status ""
  "Why something came, or nothing; for the mode line.")

(defun yunque--status (_workspace status)
  "Keep what STATUS says."
  (setq yunque-status (concat "yunque " (gethash "reason" status "")))
  (force-mode-line-update t))

(lsp-register-client
 (make-lsp-client
  :new-connection (lsp-stdio-connection (lambda () yunque-command))
  :activation-fn (lambda (&rest _) (derived-mode-p 'prog-mode))
  :add-on? t
  :priority -1
  :server-id 'yunque
  :initialization-options (lambda () yunque-options)
  :notification-handlers (lsp-ht ("yunque/status" #'yunque--status)
                                 ("yunque/answer" #'ignore))))

(provide 'yunque)
;;; yunque.el ends here
