package io.github.cce4j.cli.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.cce4j.cli.BadInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TextSourceTest {
    @TempDir
    Path folder;

    @Test
    void aFolderIsSplitByFiles() throws IOException {
        for (int i = 0; i < 25; i++) {
            Files.writeString(Files.createDirectories(folder.resolve("sub" + i % 3)).resolve(i + ".txt"), "text " + i);
        }
        Files.write(folder.resolve("binary"), new byte[] {(byte) 0xff, 0, 1});
        Files.writeString(folder.resolve("blank"), " \n");
        Files.writeString(Files.createDirectories(folder.resolve(".git")).resolve("hidden"), "hidden");

        Corpus corpus = TextSource.files(folder, Long.MAX_VALUE);
        assertEquals(22, corpus.training().size());
        assertEquals(3, corpus.heldOut().size());
        Set<String> names = new HashSet<>();
        Stream.concat(corpus.training().stream(), corpus.heldOut().stream()).forEach(document -> {
            assertTrue(names.add(document.name()));
            assertTrue(document.text().startsWith("text "));
        });
        assertEquals(corpus, TextSource.files(folder, Long.MAX_VALUE), "the same files, the same split");
    }

    @Test
    void readsNoMoreThanAskedFor() throws IOException {
        for (int i = 0; i < 20; i++) {
            Files.writeString(folder.resolve(i + ".txt"), "0123456789");
        }
        Corpus corpus = TextSource.files(folder, 95);
        assertEquals(10, corpus.training().size() + corpus.heldOut().size());
    }

    @Test
    void aSingleFileIsSplitAtTheEndOfALine() throws IOException {
        String text = "line of text\n".repeat(100);
        Corpus corpus = TextSource.files(Files.writeString(folder.resolve("one.txt"), text), Long.MAX_VALUE);
        String training = corpus.training().getFirst().text();
        String heldOut = corpus.heldOut().getFirst().text();
        assertEquals(text, training + heldOut);
        assertTrue(training.endsWith("\n"));
        assertEquals(text.length() / 10.0, heldOut.length(), 13);
    }

    @Test
    void noTextIsBadInput() throws IOException {
        assertThrows(BadInputException.class, () -> TextSource.files(folder.resolve("missing"), 1));
        assertThrows(BadInputException.class, () -> TextSource.files(folder, 1));
    }

    @Test
    void theJdksSourcesComeWithoutTheirLicence() throws IOException {
        Assumptions.assumeTrue(Files.exists(Path.of(System.getProperty("java.home"), "lib", "src.zip")),
                "this JDK has no src.zip");
        Corpus corpus = TextSource.jdkSources(1_000_000);
        for (Document document : corpus.training()) {
            assertFalse(document.text().startsWith("/*\n * Copyright"), document.name());
        }
        Set<String> training = corpus.training().stream().map(Document::name).collect(Collectors.toSet());
        assertTrue(corpus.heldOut().stream().noneMatch(document -> training.contains(document.name())));
    }
}
