#include "report/json.h"

#include <cmath>
#include <cstdio>

namespace cce::benchmark {
namespace {

std::string quoted(const std::string &text) {
    std::string result = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            result += '\\';
            result += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            char escape[8];
            snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
            result += escape;
        } else {
            result += c;
        }
    }
    return result + '"';
}

}  // namespace

void Json::separate() {
    if (!first_ && !after_key_) text_ += ',';
    first_ = after_key_ = false;
}

Json &Json::open(char bracket) {
    separate();
    text_ += bracket;
    first_ = true;
    return *this;
}

Json &Json::close(char bracket) {
    text_ += bracket;
    first_ = false;
    return *this;
}

Json &Json::key(const std::string &name) {
    separate();
    text_ += quoted(name) + ':';
    after_key_ = true;
    return *this;
}

Json &Json::value(const std::string &text) {
    separate();
    text_ += quoted(text);
    return *this;
}

Json &Json::value(double number) {
    separate();
    char digits[32];
    snprintf(digits, sizeof digits, "%.9g", number);
    text_ += std::isfinite(number) ? digits : "null";
    return *this;
}

Json &Json::value(int64_t number) {
    separate();
    text_ += std::to_string(number);
    return *this;
}

Json &Json::value(bool truth) {
    separate();
    text_ += truth ? "true" : "false";
    return *this;
}

}  // namespace cce::benchmark
