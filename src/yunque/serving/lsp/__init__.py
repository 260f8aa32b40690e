"""The language server: completions and coding tasks of a gateway, for any editor that speaks the protocol."""
