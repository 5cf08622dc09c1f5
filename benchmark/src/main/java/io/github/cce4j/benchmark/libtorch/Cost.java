package io.github.cce4j.benchmark.libtorch;

/**
 * What one step took: its time, and the most memory that it held beyond inputs and gradients: as its allocator counted
 * it (-1 where nothing counts), and by what the process grew.
 */
record Cost(double milliseconds, long countedBytes, long residentBytes) {}
