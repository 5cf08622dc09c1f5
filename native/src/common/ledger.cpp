#include "common/ledger.h"

namespace cce {

void Ledger::add(void *pointer, int64_t bytes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    live_[pointer] = bytes;
    live_bytes_ += bytes;
    if (live_bytes_ > peak_bytes_) peak_bytes_ = live_bytes_;
    ++total_;
}

bool Ledger::remove(void *pointer) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = live_.find(pointer);
    if (found == live_.end()) return false;
    live_bytes_ -= found->second;
    live_.erase(found);
    return true;
}

void Ledger::usage(cce_memory_usage *usage) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    usage->live_bytes = live_bytes_;
    usage->peak_bytes = peak_bytes_;
    usage->live_allocations = static_cast<int64_t>(live_.size());
    usage->total_allocations = total_;
}

void Ledger::reset_peak() {
    const std::lock_guard<std::mutex> lock(mutex_);
    peak_bytes_ = live_bytes_;
}

Ledger &Ledger::of(int32_t device) {
    static std::mutex mutex;
    // Never destroyed: a JVM's threads may still free memory while the process ends.
    static auto *const ledgers = new std::unordered_map<int32_t, Ledger>;
    const std::lock_guard<std::mutex> lock(mutex);
    return (*ledgers)[device];
}

}  // namespace cce
