package io.github.cce4j.cli.train;

import java.util.ArrayList;
import java.util.List;

/**
 * Text to train on, and text of other files to score, which the model never sees.
 *
 * @param source where the text comes from, for people
 */
public record Corpus(String source, List<Document> training, List<Document> heldOut) {
    /** Every tenth document is held out. */
    private static final int HELD_OUT_STRIDE = 10;

    /** Splits documents that are in random order; a single one at a line's end. */
    static Corpus split(String source, List<Document> documents) {
        if (documents.size() == 1) {
            Document document = documents.getFirst();
            String text = document.text();
            int cut = text.lastIndexOf('\n', text.length() - text.length() / HELD_OUT_STRIDE) + 1;
            return new Corpus(source, List.of(new Document(document.name(), text.substring(0, cut))),
                    List.of(new Document(document.name(), text.substring(cut))));
        }
        List<Document> training = new ArrayList<>();
        List<Document> heldOut = new ArrayList<>();
        for (int i = 0; i < documents.size(); i++) {
            (i % HELD_OUT_STRIDE == 0 ? heldOut : training).add(documents.get(i));
        }
        return new Corpus(source, training, heldOut);
    }
}
