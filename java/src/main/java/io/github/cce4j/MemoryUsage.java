package io.github.cce4j;

/**
 * Memory that this library allocated on a device, exact to the byte asked for: tensors, states and workspaces, not what
 * others allocated there and not what a {@linkplain Tensor#view view} looks at.
 *
 * {@snippet class="io.github.cce4j.snippets.DeviceSnippets" region="memory"}
 *
 * @param liveBytes bytes allocated and not yet freed
 * @param peakBytes the most {@code liveBytes} since the start or {@link Device#resetPeakMemory()}
 * @param liveAllocations allocations not yet freed
 * @param totalAllocations allocations since the start
 */
public record MemoryUsage(long liveBytes, long peakBytes, long liveAllocations, long totalAllocations) {}
