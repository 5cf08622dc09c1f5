/**
 * Cut Cross-Entropy for the JVM: the loss of a classifier with very many classes, and its gradients, without ever
 * storing the logits. The package {@link io.github.cce4j} is all there is to use.
 *
 * <p>This module calls native code through the Foreign Function &amp; Memory API. Allow that with
 * {@code --enable-native-access=io.github.cce4j,io.github.cce4j.bindings} on the module path, or with
 * {@code --enable-native-access=ALL-UNNAMED} on the class path.
 */
module io.github.cce4j {
    requires io.github.cce4j.bindings;

    exports io.github.cce4j;
}
