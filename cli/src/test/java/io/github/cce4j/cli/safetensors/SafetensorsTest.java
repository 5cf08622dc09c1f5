package io.github.cce4j.cli.safetensors;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class SafetensorsTest {
    @TempDir
    Path folder;

    @Test
    void everyTypeAndShapeSurvivesTheRoundTrip() throws IOException {
        Random random = new Random();
        List<TensorInfo> wanted = new ArrayList<>();
        for (ElementType type : ElementType.values()) {
            wanted.add(TensorInfo.of("größe " + type, type, 1 + random.nextInt(5), 1 + random.nextInt(5)));
        }
        wanted.add(TensorInfo.of("scalar", ElementType.F32));
        wanted.add(TensorInfo.of("empty", ElementType.BF16, 3, 0));
        Path path = folder.resolve("all.safetensors");
        byte[][] contents = new byte[wanted.size()][];
        try (SafetensorsWriter writer = SafetensorsWriter.create(path, wanted)) {
            for (int i = 0; i < contents.length; i++) {
                MemorySegment data = writer.data(wanted.get(i).name());
                assertEquals(0, data.address() % wanted.get(i).type().bytes(), "alignment of " + wanted.get(i));
                contents[i] = new byte[(int) data.byteSize()];
                random.nextBytes(contents[i]);
                data.copyFrom(MemorySegment.ofArray(contents[i]));
            }
            writer.commit();
        }
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertEquals(wanted.size(), file.tensors().size());
            for (int i = 0; i < contents.length; i++) {
                TensorInfo read = file.tensors().get(wanted.get(i).name());
                assertEquals(wanted.get(i).type(), read.type());
                assertArrayEquals(wanted.get(i).shape(), read.shape());
                assertArrayEquals(contents[i], file.data(read).toArray(JAVA_BYTE));
                assertTrue(file.data(read).isReadOnly());
            }
        }
    }

    /** Bytes as the format's reference implementation writes them for one F32 tensor of shape [1, 2, 3]. */
    @Test
    void readsWhatOthersWrite() throws IOException {
        Path path = write("{\"attn.0\":{\"dtype\":\"F32\",\"shape\":[1,2,3],\"data_offsets\":[0,24]}}", 24);
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertArrayEquals(new long[] {1, 2, 3}, file.tensors().get("attn.0").shape());
            assertEquals(24, file.data(file.tensors().get("attn.0")).byteSize());
        }
    }

    @Test
    void metadataAndOrderOfTheHeaderDoNotMatter() throws IOException {
        Path path = write("""
                {"__metadata__":{"format":"pt"},
                 "b":{"dtype":"U8","shape":[2],"data_offsets":[4,6]},
                 "a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}
                """, 6);
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertEquals(List.of("a", "b"), List.copyOf(file.tensors().keySet()));
        }
    }

    static Stream<Arguments> malformedHeaders() {
        return Stream.of(
                Arguments.of("[]", 0, "not a JSON object"),
                Arguments.of("", 0, "not a JSON object"),
                Arguments.of("{\"a\":", 0, "not valid JSON"),
                Arguments.of("{} {}", 0, "not valid JSON"),
                Arguments.of(two("[0,4]", "[0,4]").replace("\"b\"", "\"a\""), 4, "not valid JSON"),
                Arguments.of("{\"__metadata__\":{\"k\":1}}", 0, "__metadata__"),
                Arguments.of("{\"__metadata__\":\"k\"}", 0, "__metadata__"),
                Arguments.of("{\"a\":7}", 0, "'a': its entry is not a JSON object"),
                Arguments.of("{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "'a': dtype is missing"),
                Arguments.of(one("F31", "[1]", "[0,4]"), 4, "'a': dtype \"F31\" is not supported"),
                Arguments.of("{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "'a': shape is missing"),
                Arguments.of(one("F32", "[-1]", "[0,4]"), 4, "'a': shape"),
                Arguments.of(one("F32", "[1.0]", "[0,4]"), 4, "'a': shape"),
                Arguments.of(one("F32", "[\"1\"]", "[0,4]"), 4, "'a': shape"),
                Arguments.of(one("F32", "[9223372036854775808]", "[0,4]"), 4, "'a': shape"),
                Arguments.of(one("F32", "[4294967296,4294967296]", "[0,4]"), 4, "'a': its size overflows"),
                Arguments.of("{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "'a': data_offsets is missing"),
                Arguments.of(one("F32", "[1]", "[0,2,4]"), 4, "'a': data_offsets [0, 2, 4]"),
                Arguments.of(one("F32", "[1]", "[4,0]"), 4, "'a': data_offsets [4, 0]"),
                Arguments.of(one("F32", "[2]", "[0,4]"), 4, "'a': F32[2] takes 8 bytes"),
                Arguments.of(one("F32", "[2]", "[0,8]"), 4, "'a': its data ends at 8"),
                Arguments.of(one("F32", "[1]", "[4,8]"), 8, "'a': its data begins at 4, which leaves a hole"),
                Arguments.of(two("[0,4]", "[2,6]"), 6, "'b': its data begins at 2, which overlaps"),
                Arguments.of(two("[0,4]", "[0,4]"), 4, "its data begins at 0, which overlaps"),
                Arguments.of(two("[0,4]", "[6,10]"), 10, "'b': its data begins at 6, which leaves a hole"),
                Arguments.of(one("F32", "[1]", "[0,4]"), 5, "5 bytes of data, and its tensors cover 4"));
    }

    private static String tensor(String type, String shape, String offsets) {
        return "{\"dtype\":\"" + type + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
    }

    private static String one(String type, String shape, String offsets) {
        return "{\"a\":" + tensor(type, shape, offsets) + "}";
    }

    private static String two(String first, String second) {
        return "{\"a\":" + tensor("F32", "[1]", first) + ",\"b\":" + tensor("F32", "[1]", second) + "}";
    }

    @ParameterizedTest
    @MethodSource("malformedHeaders")
    void malformedHeadersAreRefusedWithTheReason(String json, int dataBytes, String reason) throws IOException {
        assertRefused(write(json, dataBytes), reason);
    }

    @Test
    void badHeaderLengthsAreRefused() throws IOException {
        assertRefused(Files.write(folder.resolve("f"), new byte[0]), "it has 0 bytes");
        assertRefused(Files.write(folder.resolve("f"), new byte[7]), "it has 7 bytes");
        assertRefused(writeLength(3), "only 2 follow");
        assertRefused(writeLength(100_000_001), "at most 100000000");
        assertRefused(writeLength(-1), "18446744073709551615 bytes");
    }

    @Test
    void headersThatAreNotUtf8AreRefused() throws IOException {
        assertRefused(write("{\"a\":".getBytes(StandardCharsets.UTF_16), 0), "not UTF-8");
    }

    @Test
    void withoutCommitNothingIsLeft() throws IOException {
        Path path = Files.writeString(folder.resolve("kept.safetensors"), "as it was");
        List<TensorInfo> tensors = List.of(TensorInfo.of("a", ElementType.F32, 4));
        try (SafetensorsWriter writer = SafetensorsWriter.create(path, tensors)) {
            assertEquals(16, writer.data("a").byteSize());
        }
        assertEquals("as it was", Files.readString(path));
        try (Stream<Path> files = Files.list(folder)) {
            assertEquals(List.of(path), files.toList());
        }
    }

    @Test
    void onlyRegularFilesAreReplaced() {
        assertThrows(IOException.class, () -> SafetensorsWriter.create(folder, List.of()));
        assertFalse(Files.isRegularFile(folder));
    }

    private static void assertRefused(Path path, String reason) {
        Exception refusal = assertThrows(SafetensorsException.class, () -> SafetensorsFile.open(path).close());
        assertTrue(refusal.getMessage().contains(reason), refusal.getMessage());
    }

    private Path write(String json, int dataBytes) throws IOException {
        return write(json.getBytes(StandardCharsets.UTF_8), dataBytes);
    }

    private Path write(byte[] json, int dataBytes) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(8 + json.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(json.length).put(json);
        return Files.write(folder.resolve("file.safetensors"), bytes.array());
    }

    private Path writeLength(long length) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(10).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(length).put((byte) '{').put((byte) '}');
        return Files.write(folder.resolve("file.safetensors"), bytes.array());
    }
}
