def yunque_show(value, depth = 0)
  return '?deep' if depth > 60
  case value
  when nil, true, false then value.inspect
  when Integer then value.to_s
  when Float then value.finite? && value == value.floor ? value.to_i.to_s : value.to_s
  when String then 's' + value.b.unpack1('H*')
  when Symbol then ':' + value.to_s.b.unpack1('H*')
  when Array then '[' + value.map { |item| yunque_show(item, depth + 1) }.join(',') + ']'
  when Hash then '{' + value.map { |key, item| "#{yunque_show(key, depth + 1)}:#{yunque_show(item, depth + 1)}" }.sort.join(',') + '}'
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
