package io.github.cce4j.test.misuse;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.cce4j.CceException;
import io.github.cce4j.Status;
import org.junit.jupiter.api.function.Executable;

/** That something is refused, and that the message has the words that help. */
final class Refusal {

    private Refusal() {}

    static void illegalArgument(Executable action, String... words) {
        requireWords(assertThrows(IllegalArgumentException.class, action), words);
    }

    static void illegalState(Executable action, String... words) {
        requireWords(assertThrows(IllegalStateException.class, action), words);
    }

    /** Of a null argument: the message is its name. */
    static void nullArgument(String name, Executable action) {
        requireWords(assertThrows(NullPointerException.class, action, name), name);
    }

    static void status(Status status, Executable action, String... words) {
        CceException refusal = assertThrows(CceException.class, action);
        assertEquals(status, refusal.status(), refusal.getMessage());
        requireWords(refusal, words);
    }

    private static void requireWords(Exception refusal, String... words) {
        for (String word : words) {
            assertTrue(refusal.getMessage() != null && refusal.getMessage().contains(word),
                    () -> "\"" + word + "\" is missing in: " + refusal);
        }
    }
}
