package io.github.cce4j.cli.train;

import com.knuddels.jtokkit.Encodings;
import com.knuddels.jtokkit.api.Encoding;
import com.knuddels.jtokkit.api.EncodingType;
import java.util.List;
import java.util.stream.IntStream;

/** Tokens of the vocabulary o200k_base. */
final class Tokenizer {
    /** Token ids run from 0 to 200,018, the special tokens included. */
    static final int CLASSES = 200_019;
    /** The special token {@code <|endoftext|>}: it stands before each document. */
    static final int END_OF_TEXT = 199_999;

    private final Encoding encoding = Encodings.newLazyEncodingRegistry().getEncoding(EncodingType.O200K_BASE);

    /** All documents as one stream of tokens. */
    int[] encode(List<Document> documents) {
        List<int[]> encoded = documents.parallelStream()
                .map(document -> encoding.encodeOrdinary(document.text()).toArray())
                .toList();
        return encoded.stream()
                .flatMapToInt(tokens -> IntStream.concat(IntStream.of(END_OF_TEXT), IntStream.of(tokens)))
                .toArray();
    }
}
