// What cce_allocate handed out on one device: exact accounting, and proof that a pointer to free is ours.
#pragma once

#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "cce.h"

namespace cce {

class Ledger {
  public:
    void add(void *pointer, int64_t bytes);
    // False if the pointer is not live here.
    bool remove(void *pointer);
    void usage(cce_memory_usage *usage) const;
    void reset_peak();

    // The ledger of the CPU or of a CUDA device that exists.
    static Ledger &of(int32_t device);

  private:
    mutable std::mutex mutex_;
    std::unordered_map<void *, int64_t> live_;
    int64_t live_bytes_ = 0;
    int64_t peak_bytes_ = 0;
    int64_t total_ = 0;
};

}  // namespace cce
