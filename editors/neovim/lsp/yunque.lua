-- The language server of yunque, for Neovim 0.12 or newer: copy this file to ~/.config/nvim/lsp/, and in init.lua
--
--     vim.lsp.enable('yunque')
--     vim.lsp.inline_completion.enable()
--     vim.keymap.set('i', '<Tab>', function()
--       if not vim.lsp.inline_completion.get() then return '<Tab>' end
--     end, { expr = true, replace_keycodes = true, desc = 'Take the grey text' })
--
-- Why nothing comes is shown in the statusline by %{get(g:, 'yunque_status', '')}.
return {
  cmd = { 'yunque', 'lsp' },
  root_markers = { 'yunque-out', '.git' },
  filetypes = {
    'python', 'javascript', 'javascriptreact', 'typescript', 'typescriptreact', 'java', 'kotlin', 'go', 'rust', 'c', 'cpp',
    'cs', 'php', 'ruby', 'sh', 'scala', 'lua', 'r', 'perl', 'solidity',
  },
  init_options = { url = '', maxTokens = 64, hold = true, feedback = 'off' },
  handlers = {
    ['yunque/status'] = function(_, status)
      vim.g.yunque_status = status.state == 'ready' and 'yunque' or ('yunque: ' .. status.reason)
      vim.cmd.redrawstatus()
    end,
    ['yunque/answer'] = function() end, -- the edit comes as one to confirm
  },
}
