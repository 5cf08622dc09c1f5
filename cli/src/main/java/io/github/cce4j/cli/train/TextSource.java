package io.github.cce4j.cli.train;

import io.github.cce4j.cli.BadInputException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/** Where the text comes from. The same files give the same documents in the same order, on any machine. */
final class TextSource {
    private static final String JDK_FOLDER = "java.base/java/";

    private TextSource() {
    }

    /** The text of one file, or of one entry of an archive; empty if it is not text. */
    private interface Reader<F> {
        Optional<String> read(F file) throws IOException;
    }

    /** The core packages of the JDK that this runs on, without the licence that begins each file. */
    static Corpus jdkSources(long maxCharacters) throws IOException {
        Path archive = Path.of(System.getProperty("java.home"), "lib", "src.zip");
        if (!Files.exists(archive)) {
            throw new BadInputException("this JDK comes without its sources (" + archive + "): install them "
                    + "(on Debian 'apt install openjdk-" + Runtime.version().feature() + "-source'), "
                    + "or train on other text with --text FILE|FOLDER");
        }
        try (ZipFile zip = new ZipFile(archive.toFile())) {
            List<? extends ZipEntry> entries = zip.stream()
                    .filter(entry -> entry.getName().startsWith(JDK_FOLDER) && entry.getName().endsWith(".java"))
                    .sorted(Comparator.comparing(ZipEntry::getName))
                    .toList();
            List<Document> documents = read(entries, ZipEntry::getName,
                    entry -> decode(readAll(zip, entry)).map(TextSource::withoutLicence), maxCharacters);
            return Corpus.split("java.base of JDK " + Runtime.version().feature() + " (" + archive + ")", documents);
        }
    }

    /** A text file, or all text files in a folder; hidden ones are left out. */
    static Corpus files(Path root, long maxCharacters) throws IOException {
        if (!Files.exists(root)) {
            throw new BadInputException("--text: no such file or folder: " + root);
        }
        List<Path> files;
        try (Stream<Path> paths = Files.walk(root)) {
            files = paths.filter(Files::isRegularFile)
                    .filter(path -> Stream.iterate(root.relativize(path), name -> name != null, Path::getParent)
                            .noneMatch(name -> name.getFileName().toString().startsWith(".")))
                    .sorted(Comparator.comparing(Path::toString))
                    .toList();
        }
        List<Document> documents = read(files, Path::toString, file -> decode(Files.readAllBytes(file)), maxCharacters);
        if (documents.isEmpty()) {
            throw new BadInputException("--text: no UTF-8 text in " + root);
        }
        return Corpus.split(root.toString(), documents);
    }

    /** Reads files in a fixed random order until there is enough, so that a part is like the whole. */
    private static <F> List<Document> read(List<F> files, Function<F, String> name, Reader<F> reader,
                                           long maxCharacters) throws IOException {
        List<F> shuffled = new ArrayList<>(files);
        Collections.shuffle(shuffled, new Random(0));
        List<Document> documents = new ArrayList<>();
        long characters = 0;
        for (F file : shuffled) {
            Optional<String> text = reader.read(file).filter(read -> !read.isBlank());
            if (text.isPresent()) {
                documents.add(new Document(name.apply(file), text.get()));
                characters += text.get().length();
            }
            if (characters >= maxCharacters) {
                break;
            }
        }
        return documents;
    }

    private static byte[] readAll(ZipFile zip, ZipEntry entry) throws IOException {
        try (InputStream in = zip.getInputStream(entry)) {
            return in.readAllBytes();
        }
    }

    private static Optional<String> decode(byte[] bytes) {
        try {
            return Optional.of(StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString());
        } catch (CharacterCodingException e) {
            return Optional.empty();
        }
    }

    /** The licence is the same in every file: predicting it would flatter the model. */
    private static String withoutLicence(String source) {
        int end = source.startsWith("/*") ? source.indexOf("*/") : -1;
        return end < 0 ? source : source.substring(end + 2).stripLeading();
    }
}
