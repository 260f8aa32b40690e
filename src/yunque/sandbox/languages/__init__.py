"""Languages that programs are run in, and the toolchains for them that this machine has."""
