#include "report/table.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

namespace cce::benchmark {

std::string Table::text(bool markdown) const {
    std::vector<size_t> widths(rows_[0].size(), 3);
    for (const std::vector<std::string> &row : rows_)
        for (size_t column = 0; column < row.size(); ++column)
            widths[column] = std::max(widths[column], row[column].size());

    const std::string separator = markdown ? " | " : "  ";
    std::string result;
    for (size_t i = 0; i < rows_.size(); ++i) {
        std::string line = markdown ? "| " : "";
        std::string rule = line;
        for (size_t column = 0; column < widths.size(); ++column) {
            const std::string &cell = rows_[i][column];
            const std::string gap = column + 1 < widths.size() ? separator : markdown ? " |" : "";
            line += cell + std::string(widths[column] - cell.size(), ' ') + gap;
            rule += std::string(widths[column], '-') + gap;
        }
        line.erase(line.find_last_not_of(' ') + 1);
        result += line + '\n';
        if (i == 0) result += rule + '\n';
    }
    return result;
}

std::string format(const char *pattern, ...) {
    va_list arguments;
    va_start(arguments, pattern);
    va_list again;
    va_copy(again, arguments);
    std::string text(static_cast<size_t>(vsnprintf(nullptr, 0, pattern, arguments)), '\0');
    vsnprintf(text.data(), text.size() + 1, pattern, again);
    va_end(again);
    va_end(arguments);
    return text;
}

}  // namespace cce::benchmark
