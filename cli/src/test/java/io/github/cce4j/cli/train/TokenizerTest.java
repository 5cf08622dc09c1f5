package io.github.cce4j.cli.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.knuddels.jtokkit.Encodings;
import com.knuddels.jtokkit.api.Encoding;
import com.knuddels.jtokkit.api.EncodingType;
import com.knuddels.jtokkit.api.IntArrayList;
import java.util.List;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;

class TokenizerTest {
    private final Encoding encoding = Encodings.newLazyEncodingRegistry().getEncoding(EncodingType.O200K_BASE);

    @Test
    void theConstantsAreTheVocabularys() {
        assertEquals("<|endoftext|>", decode(Tokenizer.END_OF_TEXT));
        assertEquals("<|endofprompt|>", decode(Tokenizer.CLASSES - 1));
        Assertions.assertThrows(RuntimeException.class, () -> decode(Tokenizer.CLASSES));
    }

    private String decode(int token) {
        IntArrayList tokens = new IntArrayList();
        tokens.add(token);
        return encoding.decode(tokens);
    }

    @Test
    void documentsFollowOneAnotherEachAfterTheSpecialToken() {
        int[] hello = encoding.encodeOrdinary("hello").toArray();
        int[] tokens = new Tokenizer().encode(
                List.of(new Document("a", "hello"), new Document("b", ""), new Document("c", "hello")));
        int end = Tokenizer.END_OF_TEXT;
        assertArrayEquals(new int[] {end, hello[0], end, end, hello[0]}, tokens);
    }
}
