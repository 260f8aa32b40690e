namespace yunque {
template <class T> struct is_optional : std::false_type {};
template <class T> struct is_optional<std::optional<T>> : std::true_type {};
template <class T> struct is_tuple : std::false_type {};
template <class... T> struct is_tuple<std::tuple<T...>> : std::true_type {};
template <class A, class B> struct is_tuple<std::pair<A, B>> : std::true_type {};
template <class T, class = void> struct is_map : std::false_type {};
template <class T> struct is_map<T, std::void_t<typename T::mapped_type>> : std::true_type {};
template <class T, class = void> struct is_set : std::false_type {};
template <class T> struct is_set<T, std::void_t<typename T::key_type>> : std::true_type {};

inline std::string quoted(std::string_view text) {
    std::string out = "\"";
    char code[8];
    for (unsigned char c : text) {
        if (c >= ' ' && c < 127 && c != '"' && c != '\\') { out += static_cast<char>(c); continue; }
        std::snprintf(code, sizeof code, "\\x%02x", c);
        out += code;
    }
    return out + "\"";
}

template <class T> std::string number(T value) {
    if constexpr (std::is_floating_point_v<T>) {
        if (value == std::floor(value) && std::fabs(value) < 9e15) return std::to_string(static_cast<long long>(value));
        char text[64];
        std::snprintf(text, sizeof text, "%a", static_cast<double>(value));
        return text;
    } else {
        return std::to_string(value);
    }
}

template <class T> std::string show(const T& value);

inline std::string joined(std::vector<std::string> parts, bool sorted) {
    if (sorted) std::sort(parts.begin(), parts.end());
    std::string out;
    for (const auto& part : parts) out += part + ",";
    return out;
}

template <class T> std::string show(const T& value) {
    if constexpr (std::is_same_v<T, std::nullopt_t>) return "none";
    else if constexpr (std::is_same_v<T, bool>) return value ? "1" : "0";
    else if constexpr (std::is_arithmetic_v<T>) return number(value);
    else if constexpr (std::is_convertible_v<const T&, std::string_view>) return yunque::quoted(value);
    else if constexpr (is_optional<T>::value) return value ? show(*value) : std::string("none");
    else if constexpr (is_tuple<T>::value)
        return std::apply([](const auto&... each) { return "(" + joined({show(each)...}, false) + ")"; },
                          std::tuple_cat(value));
    else if constexpr (is_map<T>::value) {
        std::vector<std::string> parts;
        for (const auto& pair : value) parts.push_back(show(pair.first) + ":" + show(pair.second));
        return "{" + joined(parts, true) + "}";
    } else {
        std::vector<std::string> parts;
        for (auto&& item : value) parts.push_back(show(static_cast<typename T::value_type>(item)));
        return is_set<T>::value ? "{" + joined(parts, true) + "}" : "[" + joined(parts, false) + "]";
    }
}

template <class T> void print(int at, const T& value) {
    std::string line = "\n\x1e" + std::to_string(at) + " " + show(value) + "\n";
    std::cout << std::flush;
    std::fwrite(line.data(), 1, line.size(), stdout);
    std::fflush(stdout);
}
}
