package io.github.cce4j.internal.downcall;

import java.lang.foreign.MemorySegment;

/** Device memory of a state or a workspace, and its size. */
public record Buffer(MemorySegment address, long bytes) {}
