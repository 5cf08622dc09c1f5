/**
 * Cut Cross-Entropy: the loss of a classifier with very many classes, and its gradients, without ever storing the
 * logits.
 *
 * <p>A language model ends in a classifier: hidden states of N positions, times a matrix with a row for each of V
 * tokens, through a softmax, into a cross-entropy. With V of 100,000 and more, the N x V logits are by far the largest
 * thing in training. This library computes loss and gradients block by block and never stores them (Wijmans et al.,
 * "Cut Your Losses in Large-Vocabulary Language Models", ICLR 2025, arXiv 2411.09009). On a GPU that saves gigabytes;
 * on the CPU it works as well, with the same meaning of everything. The same inputs on the same device give the same
 * bits, every time.
 *
 * <h2>A first loss</h2>
 *
 * {@snippet class="io.github.cce4j.snippets.LossSnippets" region="first"}
 *
 * <p>There are four steps, and a type for each:
 * <ol>
 *   <li>{@link Tensor}s hold the data on a {@link Device}: hidden states (N, D) or (B, T, D), the classifier (V, D) and
 *       the targets, copied from arrays or segments, or views of memory that somebody else owns.
 *   <li>{@link CutCrossEntropy} is the configuration: softcap, label smoothing, shift, reduction and so on. It is made
 *       once and used by any number of threads.
 *   <li>{@link Forward} has the loss, the log-sum-exp of each position and what else was asked for.
 *   <li>{@link Gradients} come from {@link Forward#backward()}, or from {@link Forward#backward(Backward)} with a
 *       {@link Backward} that says which, and into which tensors.
 * </ol>
 *
 * <h2>Training a language model</h2>
 *
 * {@snippet class="io.github.cce4j.snippets.LossSnippets" region="training"}
 *
 * <h2>What must be closed</h2>
 *
 * <p>Tensors, {@link Forward}, {@link Gradients}, {@link Stream} and {@link Event} hold native memory and are
 * {@link AutoCloseable}. Closing twice is allowed. Closing while another thread is using the thing waits for it; using
 * it afterwards is an {@link IllegalStateException}. What is forgotten is freed by the garbage collector some time, and
 * {@link Library#cleanedCount()} tells.
 *
 * <h2>What can go wrong</h2>
 *
 * <p>Wrong arguments are found before native code is called: {@link IllegalArgumentException} for shapes, dtypes and
 * devices that do not fit, with what was expected and what there is; {@link NullPointerException} with the argument's
 * name; {@link IllegalStateException} for what is closed. What only native code can find is a {@link CceException} with
 * a {@link Status}: a target that is no class, memory that does not suffice, a library that cannot be loaded.
 *
 * <h2>CUDA</h2>
 *
 * <p>On a GPU the computations of {@link CutCrossEntropy} and {@link Forward} are queued on a {@link Stream} and the
 * call returns. Whatever reads a result waits for it. Work on the same stream is in order; to use a result on another
 * stream, or from another library, tie the streams by an {@link Event}, or share one by {@link Stream#of}. Device
 * memory of another library is taken as it is by
 * {@link Tensor#view(Device, DType, java.lang.foreign.MemorySegment, long...)}.
 *
 * <h2>Starting the JVM</h2>
 *
 * <p>Calling native code is a privilege: start with
 * {@code --enable-native-access=io.github.cce4j,io.github.cce4j.bindings} on the module path, or with
 * {@code --enable-native-access=ALL-UNNAMED} on the class path. Where the native library comes from is told by
 * {@link Library}.
 */
package io.github.cce4j;
