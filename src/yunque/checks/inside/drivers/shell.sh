yunque_print() {
    builtin printf '\n\036%d %q\n' "$1" "$2"
}
