class YunquePrint {
    public static void Print(int at, object value) {
        Console.Out.Flush();
        Console.Write("\n" + (char) 30 + at + " " + Show(value, 0) + "\n");
        Console.Out.Flush();
    }

    static string Quoted(string text) {
        var result = new StringBuilder("\"");
        foreach (char c in text) {
            if (c >= ' ' && c < 127 && c != '"' && c != '\\') result.Append(c);
            else result.Append("\\u" + ((int) c).ToString("x4"));
        }
        return result.Append('"').ToString();
    }

    static string Show(object value, int depth) {
        if (depth > 60) return "?deep";
        if (value == null) return "null";
        if (value is bool) return (bool) value ? "true" : "false";
        if (value is float || value is double) {
            double number = Convert.ToDouble(value);
            return number == Math.Floor(number) && Math.Abs(number) < 9e15 ? ((long) number).ToString() : number.ToString("R");
        }
        if (value is long || value is int || value is short || value is byte || value is uint || value is ulong || value is BigInteger)
            return value.ToString();
        if (value is string || value is char) return Quoted(value.ToString());
        var parts = new List<string>();
        var map = value as System.Collections.IDictionary;
        if (map != null) {
            foreach (System.Collections.DictionaryEntry entry in map) parts.Add(Show(entry.Key, depth + 1) + ":" + Show(entry.Value, depth + 1));
            parts.Sort(StringComparer.Ordinal);
            return "{" + string.Join(",", parts.ToArray()) + "}";
        }
        var type = value.GetType();
        if (type.IsGenericType && type.FullName.StartsWith("System.Tuple`")) {
            foreach (var part in type.GetProperties()) parts.Add(Show(part.GetValue(value, null), depth + 1));
            return "(" + string.Join(",", parts.ToArray()) + ")";
        }
        var items = value as System.Collections.IEnumerable;
        if (items == null) return "?" + type.Name;
        foreach (var item in items) parts.Add(Show(item, depth + 1));
        return "[" + string.Join(",", parts.ToArray()) + "]";
    }
}
