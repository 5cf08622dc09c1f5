/** What jextract makes from cce.h, for the safe layer alone. */
module io.github.cce4j.bindings {
    exports io.github.cce4j.bindings to io.github.cce4j;
}
