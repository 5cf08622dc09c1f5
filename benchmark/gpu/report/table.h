// A table as aligned text or as Markdown.
#pragma once

#include <string>
#include <vector>

namespace cce::benchmark {

class Table {
public:
    explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}

    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
    std::string text(bool markdown) const;

private:
    std::vector<std::vector<std::string>> rows_;
};

// printf into a string.
__attribute__((format(printf, 1, 2))) std::string format(const char *pattern, ...);

}  // namespace cce::benchmark
