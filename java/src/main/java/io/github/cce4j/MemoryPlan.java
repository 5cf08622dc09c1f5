package io.github.cce4j;

/**
 * Device memory that a computation takes beyond its inputs and results, from {@link CutCrossEntropy#plan(Inputs)}.
 *
 * {@snippet class="io.github.cce4j.snippets.LossSnippets" region="plan"}
 *
 * @param stateBytes bytes that a {@link Forward} holds for its backward, until it is closed
 * @param forwardWorkspaceBytes bytes of scratch while forward runs
 * @param backwardWorkspaceBytes bytes of scratch while backward runs
 */
public record MemoryPlan(long stateBytes, long forwardWorkspaceBytes, long backwardWorkspaceBytes) {}
