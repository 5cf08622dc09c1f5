package io.github.cce4j.internal.downcall;

import java.lang.foreign.MemorySegment;

/**
 * What all compute functions take.
 *
 * @param problem a cce_problem
 * @param inputs a cce_inputs
 * @param workspace scratch, for this call
 * @param stream where the work goes
 * @param guards the foreign segments among the memory that the call uses, filled up with NULL; see {@link ComputeCalls}
 */
public record Work(
        MemorySegment problem, MemorySegment inputs, Buffer workspace, MemorySegment stream, MemorySegment[] guards) {}
