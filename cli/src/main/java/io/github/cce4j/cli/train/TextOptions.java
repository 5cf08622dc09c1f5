package io.github.cce4j.cli.train;

import io.github.cce4j.cli.BadInputException;
import java.io.IOException;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** The options that say what text is learned from. */
public final class TextOptions {
    @Option(names = "--text", paramLabel = "FILE|FOLDER",
            description = "Text to train on, UTF-8. Default: the JDK's sources.")
    Path text;

    @Option(names = "--max-characters", paramLabel = "K", defaultValue = "16000000",
            description = "Read no more text than this. Default: ${DEFAULT-VALUE}.")
    long maxCharacters;

    /** Reads the text. */
    public TokenizedText read() throws IOException {
        if (maxCharacters < 1) {
            throw new BadInputException("--max-characters must be at least 1, not " + maxCharacters);
        }
        Corpus corpus = text == null ? TextSource.jdkSources(maxCharacters) : TextSource.files(text, maxCharacters);
        return TokenizedText.of(corpus);
    }
}
