// Writes JSON, one value after another.
#pragma once

#include <cstdint>
#include <string>

namespace cce::benchmark {

class Json {
public:
    // In an object a key comes before each value; the document is one value.
    Json &key(const std::string &name);
    Json &begin_object() { return open('{'); }
    Json &end_object() { return close('}'); }
    Json &begin_array() { return open('['); }
    Json &end_array() { return close(']'); }
    Json &value(const std::string &text);
    Json &value(const char *text) { return value(std::string(text)); }
    Json &value(double number);  // null if it is not finite
    Json &value(int64_t number);
    Json &value(bool truth);

    template <typename T>
    Json &member(const std::string &name, const T &content) {
        return key(name).value(content);
    }

    const std::string &text() const { return text_; }

private:
    Json &open(char bracket);
    Json &close(char bracket);
    void separate();

    std::string text_;
    bool first_ = true;      // nothing comes before in this object or array
    bool after_key_ = false;
};

}  // namespace cce::benchmark
