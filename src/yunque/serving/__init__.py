"""Completions to an editor: one engine behind an HTTP door that any OpenAI client, llama.vscode and curl can open."""
