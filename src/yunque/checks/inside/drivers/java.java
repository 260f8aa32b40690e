class YunquePrint {
    static void print(int at, Object value) {
        System.out.flush();
        System.out.print("\n" + (char) 30 + at + " " + show(value, 0) + "\n");
        System.out.flush();
    }

    static String quoted(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c >= ' ' && c < 127 && c != '"' && c != '\\') out.append(c);
            else out.append(String.format("%cu%04x", (char) 92, (int) c));
        }
        return out.append('"').toString();
    }

    static String show(Object value, int depth) {
        if (depth > 60) return "?deep";
        if (value == null) return "null";
        if (value instanceof Boolean) return value.toString();
        if (depth > 0 && (value instanceof Number || value instanceof Character) && !(value instanceof java.math.BigDecimal))
            return value.getClass().getSimpleName() + quoted(value.toString());  // as equals tells them apart
        if (value instanceof Float || value instanceof Double) {
            double number = ((Number) value).doubleValue();
            boolean whole = number == Math.rint(number) && Math.abs(number) < 9e15;
            return whole ? Long.toString((long) number) : Double.toHexString(number);
        }
        if (value instanceof Long || value instanceof Integer || value instanceof Short || value instanceof Byte
            || value.getClass() == java.math.BigInteger.class) return value.toString();
        if (value instanceof Character || value instanceof String) return quoted(value.toString());
        java.util.List<String> parts = new java.util.ArrayList<>();
        if (value instanceof java.util.Map<?, ?> map) {
            for (java.util.Map.Entry<?, ?> entry : map.entrySet())
                parts.add(show(entry.getKey(), depth + 1) + ":" + show(entry.getValue(), depth + 1));
            java.util.Collections.sort(parts);
            return "{" + String.join(",", parts) + "}";
        }
        if (value instanceof java.util.Optional<?> some)
            return some.isPresent() ? "Optional(" + show(some.get(), depth + 1) + ")" : "Optional()";
        if (depth > 0 && value.getClass().isArray()) return "?array";  // equal only to itself
        if (value.getClass().isArray()) {
            for (int at = 0; at < java.lang.reflect.Array.getLength(value); at++)
                parts.add(show(java.lang.reflect.Array.get(value, at), depth + 1));
            return "array[" + String.join(",", parts) + "]";
        }
        boolean tuple = value instanceof Iterable<?> && value.getClass().getName().startsWith("org.javatuples.");
        if (!(tuple || value instanceof java.util.List<?> || value instanceof java.util.Set<?>)) return "?" + value.getClass().getSimpleName();
        for (Object item : (Iterable<?>) value) parts.add(show(item, depth + 1));
        if (value instanceof java.util.Set<?>) java.util.Collections.sort(parts);
        return (tuple ? value.getClass().getSimpleName() : value instanceof java.util.List<?> ? "" : "set") + "[" + String.join(",", parts) + "]";
    }
}
