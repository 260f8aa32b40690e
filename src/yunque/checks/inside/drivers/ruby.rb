def yunque_show(value, depth = 0, key = false)
  return '?deep' if depth > 60
  case value
  when nil, true, false then value.inspect
  when Integer then value.to_s
  when Float then !key && value.finite? && value == value.floor ? value.to_i.to_s : value.to_s
  when String
    's' + value.b.unpack1('H*') + (value.ascii_only? || value.encoding == Encoding::UTF_8 ? '' : value.encoding.to_s)
  when Symbol then ':' + value.to_s.b.unpack1('H*')
  when Array then '[' + value.map { |item| yunque_show(item, depth + 1, key) }.join(',') + ']'
  when Hash
    return '?identity' if value.compare_by_identity?
    '{' + value.map { |name, item| yunque_show(name, depth + 1, true) + ':' + yunque_show(item, depth + 1, key) }.sort.join(',') + '}'
  else '?' + value.class.to_s
  end
end
def yunque_print(at)
  line = begin
    yunque_show(yield)
  rescue StandardError
    '?raised'
  end
  STDOUT.write("\n\x1e#{at} #{line}\n")
  STDOUT.flush
end
