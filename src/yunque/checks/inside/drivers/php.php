function yunque_show($value, $depth = 0) {
    if ($depth > 60) return '?deep';
    if ($value === null) return 'null';
    if (is_bool($value)) return $value ? 'true' : 'false';
    if (is_int($value)) return "i$value";
    if (is_float($value)) return 'f' . bin2hex(pack('E', $value + 0.0));
    if (is_string($value)) return 's' . bin2hex($value);
    if (!is_array($value)) return '?' . gettype($value);
    $parts = '';
    foreach ($value as $key => $item) $parts .= yunque_show($key) . ':' . yunque_show($item, $depth + 1) . ',';
    return "[$parts]";
}
function yunque_print($at, $act) {
    try { $line = yunque_show($act()); } catch (\Throwable $error) { $line = '?raised'; }
    fwrite(STDOUT, "\n\x1e$at $line\n");
}
