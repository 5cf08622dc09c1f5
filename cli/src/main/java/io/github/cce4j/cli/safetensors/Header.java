package io.github.cce4j.cli.safetensors;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * The header of a safetensors file: 8 bytes of little-endian length, then that many bytes of JSON, then the data, which
 * the tensors must cover without overlap, hole or rest.
 *
 * @param tensors    in the order of their data
 * @param dataOffset where the data begins in the file
 */
record Header(List<TensorInfo> tensors, long dataOffset) {
    private static final String METADATA = "__metadata__";
    private static final int LENGTH_BYTES = 8;
    /** The limit of the format's reference implementation. */
    private static final long MAX_JSON_BYTES = 100_000_000;
    /** So that data of any element type is aligned in a mapped file. */
    private static final int ALIGNMENT = 64;

    private static final ValueLayout.OfLong LENGTH =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    /** Reads and checks the header of a whole file. */
    static Header parse(MemorySegment file) throws SafetensorsException {
        if (file.byteSize() < LENGTH_BYTES) {
            throw new SafetensorsException("not a safetensors file: it has " + file.byteSize()
                    + " bytes, and the header's length alone takes 8");
        }
        long jsonBytes = file.get(LENGTH, 0);
        if (jsonBytes < 0 || jsonBytes > MAX_JSON_BYTES) {
            throw new SafetensorsException("not a safetensors file: its header would have "
                    + Long.toUnsignedString(jsonBytes) + " bytes, and at most " + MAX_JSON_BYTES + " are allowed");
        }
        if (jsonBytes > file.byteSize() - LENGTH_BYTES) {
            throw new SafetensorsException("not a safetensors file, or cut off: its header would have " + jsonBytes
                    + " bytes, and only " + (file.byteSize() - LENGTH_BYTES) + " follow");
        }
        List<TensorInfo> tensors = new ArrayList<>();
        for (var entry : readJson(file.asSlice(LENGTH_BYTES, jsonBytes)).properties()) {
            if (entry.getKey().equals(METADATA)) {
                checkMetadata(entry.getValue());
            } else {
                tensors.add(readTensor(entry.getKey(), entry.getValue()));
            }
        }
        tensors.sort(Comparator.comparingLong(TensorInfo::begin).thenComparingLong(TensorInfo::end));
        long dataOffset = LENGTH_BYTES + jsonBytes;
        checkCover(tensors, file.byteSize() - dataOffset);
        return new Header(List.copyOf(tensors), dataOffset);
    }

    private static ObjectNode readJson(MemorySegment bytes) throws SafetensorsException {
        try {
            // Decoded here, since the JSON parser would also take UTF-16.
            String text = StandardCharsets.UTF_8.newDecoder().decode(bytes.asByteBuffer()).toString();
            if (JSON.readTree(text) instanceof ObjectNode object) {
                return object;
            }
            throw new SafetensorsException("the header is not a JSON object");
        } catch (CharacterCodingException e) {
            throw new SafetensorsException("the header is not UTF-8", e);
        } catch (JacksonException e) {
            throw new SafetensorsException("the header is not valid JSON: " + e.getOriginalMessage(), e);
        }
    }

    private static void checkMetadata(JsonNode metadata) throws SafetensorsException {
        if (!metadata.isObject() || !metadata.values().stream().allMatch(JsonNode::isString)) {
            throw new SafetensorsException(METADATA + " is not an object of strings");
        }
    }

    private static TensorInfo readTensor(String name, JsonNode node) throws SafetensorsException {
        if (!node.isObject()) {
            throw new SafetensorsException("tensor '" + name + "': its entry is not a JSON object");
        }
        long[] shape = readNumbers(name, "shape", node.path("shape"));
        long[] offsets = readNumbers(name, "data_offsets", node.path("data_offsets"));
        if (offsets.length != 2 || offsets[0] > offsets[1]) {
            throw new SafetensorsException(
                    "tensor '" + name + "': data_offsets " + Arrays.toString(offsets) + " are not a begin and an end");
        }
        TensorInfo tensor = new TensorInfo(name, readType(name, node.path("dtype")), shape, offsets[0]);
        try {
            if (tensor.end() != offsets[1]) {
                throw new SafetensorsException("tensor '" + name + "': " + tensor.type() + Arrays.toString(shape)
                        + " takes " + tensor.byteSize() + " bytes, and data_offsets " + Arrays.toString(offsets)
                        + " give it " + (offsets[1] - offsets[0]));
            }
        } catch (ArithmeticException e) {
            throw new SafetensorsException(
                    "tensor '" + name + "': its size overflows, shape " + Arrays.toString(shape), e);
        }
        return tensor;
    }

    private static ElementType readType(String name, JsonNode node) throws SafetensorsException {
        for (ElementType type : ElementType.values()) {
            if (node.isString() && type.name().equals(node.stringValue())) {
                return type;
            }
        }
        throw new SafetensorsException("tensor '" + name + "': dtype "
                + (node.isMissingNode() ? "is missing" : node + " is not supported"));
    }

    private static long[] readNumbers(String name, String key, JsonNode node) throws SafetensorsException {
        boolean valid = node.isArray() && node.values().stream().allMatch(Header::isSize);
        if (!valid) {
            throw new SafetensorsException("tensor '" + name + "': " + key + (node.isMissingNode()
                    ? " is missing" : " " + node + " is not an array of numbers from 0 to 2^63 - 1"));
        }
        return node.values().stream().mapToLong(JsonNode::longValue).toArray();
    }

    private static boolean isSize(JsonNode node) {
        return node.isIntegralNumber() && node.canConvertToLong() && node.longValue() >= 0;
    }

    private static void checkCover(List<TensorInfo> tensors, long dataBytes) throws SafetensorsException {
        long covered = 0;
        for (TensorInfo tensor : tensors) {
            if (tensor.end() > dataBytes) {
                throw new SafetensorsException("tensor '" + tensor.name() + "': its data ends at " + tensor.end()
                        + ", and the file has " + dataBytes + " bytes of data");
            }
            if (tensor.begin() != covered) {
                throw new SafetensorsException("tensor '" + tensor.name() + "': its data begins at " + tensor.begin()
                        + (tensor.begin() < covered ? ", which overlaps" : ", which leaves a hole after")
                        + " what ends at " + covered);
            }
            covered = tensor.end();
        }
        if (covered != dataBytes) {
            throw new SafetensorsException(
                    "the file has " + dataBytes + " bytes of data, and its tensors cover " + covered + " of them");
        }
    }

    /** Places tensors one after the other, those of wide elements first, so that all are aligned to their elements. */
    static Header place(List<TensorInfo> wanted) {
        List<TensorInfo> sorted = new ArrayList<>(wanted);
        sorted.sort(Comparator.comparingInt((TensorInfo tensor) -> tensor.type().bytes()).reversed());
        List<TensorInfo> tensors = new ArrayList<>();
        long position = 0;
        for (TensorInfo tensor : sorted) {
            tensors.add(tensor.at(position));
            position = tensors.getLast().end();
        }
        return new Header(List.copyOf(tensors), encode(tensors).length);
    }

    /** The bytes before the data. */
    byte[] encode() {
        return encode(tensors);
    }

    private static byte[] encode(List<TensorInfo> tensors) {
        ObjectNode root = JSON.createObjectNode();
        for (TensorInfo tensor : tensors) {
            ObjectNode node = root.putObject(tensor.name());
            node.put("dtype", tensor.type().name());
            var shape = node.putArray("shape");
            Arrays.stream(tensor.shape()).forEach(shape::add);
            node.putArray("data_offsets").add(tensor.begin()).add(tensor.end());
        }
        byte[] json = JSON.writeValueAsBytes(root);
        int total = Math.ceilDiv(LENGTH_BYTES + json.length, ALIGNMENT) * ALIGNMENT;
        byte[] bytes = new byte[total];
        Arrays.fill(bytes, (byte) ' ');
        MemorySegment.ofArray(bytes).set(LENGTH, 0, total - LENGTH_BYTES);
        System.arraycopy(json, 0, bytes, LENGTH_BYTES, json.length);
        return bytes;
    }

    long fileBytes() {
        return dataOffset + (tensors.isEmpty() ? 0 : tensors.getLast().end());
    }
}
