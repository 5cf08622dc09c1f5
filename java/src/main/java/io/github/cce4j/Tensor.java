package io.github.cce4j;

import io.github.cce4j.internal.check.Check;
import io.github.cce4j.internal.check.Shape;
import io.github.cce4j.internal.downcall.MemoryCalls;
import io.github.cce4j.internal.memory.Carver;
import io.github.cce4j.internal.memory.HalfFloats;
import io.github.cce4j.internal.memory.Memory;
import io.github.cce4j.internal.memory.Transfer;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;

/**
 * A dense row-major array in the memory of a device.
 *
 * {@snippet class="io.github.cce4j.snippets.TensorSnippets" region="tensor"}
 *
 * <p><b>Memory.</b> A tensor either owns its memory ({@link #allocate}, {@link #zeros}, {@link #copyOf}, the results of
 * computations) and frees it when it is closed; or it is a view of memory that somebody else owns:
 * {@link #view(DType, MemorySegment, long...) host memory}, a
 * {@linkplain #view(Device, DType, MemorySegment, long...) device pointer of another library}, or
 * {@linkplain #as another tensor's}.
 *
 * <p><b>Threads.</b> Tensors may be used by many threads at once; who reads while another writes gets some mixture.
 * {@link #close} waits for the calls that use the tensor, and every later use is an {@link IllegalStateException}.
 *
 * <p><b>Order.</b> All methods here return when they are done. Before they touch the memory they wait for all work that
 * {@link CutCrossEntropy} and {@link Forward} have put on streams with this tensor; so what is read is always complete.
 * Work that other libraries do with a device pointer is theirs to wait for.
 *
 * <p><b>Arrays.</b> A Java array has less than 2<sup>31</sup> elements. For more there are the methods that take a
 * {@link MemorySegment}.
 */
public final class Tensor implements AutoCloseable {
    private static final int LONGEST_ARRAY = Integer.MAX_VALUE - 8;

    private final Device device;
    private final DType dtype;
    private final long[] shape;
    private final long elements;
    private final Memory memory;
    private final boolean ownsLife;
    private volatile boolean closed;

    private Tensor(Device device, DType dtype, long[] shape, Memory memory, boolean ownsLife) {
        this.device = device;
        this.dtype = dtype;
        this.shape = shape;
        this.elements = memory.bytes() / dtype.bytes();
        this.memory = memory;
        this.ownsLife = ownsLife;
    }

    // ---- making ----------------------------------------------------------------------------------------------------

    /**
     * Makes a tensor of undefined contents.
     *
     * @param device where
     * @param dtype the type of its elements
     * @param shape its dimensions, each at least 0; none for a scalar
     * @return a new tensor, to be closed
     * @throws IllegalArgumentException if a dimension is negative or the size is beyond 2<sup>63</sup> bytes
     * @throws CceException with {@link Status#OUT_OF_MEMORY} if the device has not that much memory left
     */
    public static Tensor allocate(Device device, DType dtype, long... shape) {
        Objects.requireNonNull(device, "device");
        Tensor tensor = allocate(device.defaultStream(), dtype, shape);
        return tensor.filled(tensor.memory::settle);
    }

    /** For use in the order of the stream, before which the memory may not be touched. */
    static Tensor allocate(Stream stream, DType dtype, long... shape) {
        Device device = stream.device();
        long bytes = Shape.bytes(dtype, shape);
        long[] dimensions = shape.clone();
        Memory memory = Memory.allocate(
                device.ordinal(), bytes, stream.nativeStream(), () -> describe(device, dtype, dimensions));
        return new Tensor(device, dtype, dimensions, memory, true);
    }

    /** The next part of memory that is closed elsewhere; null of a carver that only counts. */
    static Tensor carve(Carver carver, Device device, DType dtype, long... shape) {
        Memory memory = carver.take(Shape.bytes(dtype, shape));
        return memory == null ? null : new Tensor(device, dtype, shape.clone(), memory, false);
    }

    /**
     * Makes a tensor of zeros.
     *
     * @param device where
     * @param dtype the type of its elements
     * @param shape its dimensions, each at least 0; none for a scalar
     * @return a new tensor, to be closed
     * @throws IllegalArgumentException if a dimension is negative or the size is beyond 2<sup>63</sup> bytes
     * @throws CceException with {@link Status#OUT_OF_MEMORY} if the device has not that much memory left
     */
    public static Tensor zeros(Device device, DType dtype, long... shape) {
        Tensor tensor = allocate(device, dtype, shape);
        return tensor.filled(tensor::zero);
    }

    /**
     * Makes a tensor of dtype {@link DType#F32} from an array.
     *
     * @param device where
     * @param values its elements in row-major order
     * @param shape its dimensions
     * @return a new tensor, to be closed
     * @throws IllegalArgumentException if the shape has another number of elements than the array
     * @throws CceException with {@link Status#OUT_OF_MEMORY} if the device has not that much memory left
     */
    public static Tensor copyOf(Device device, float[] values, long... shape) {
        return copyOf(device, DType.F32, values, shape);
    }

    /**
     * Makes a tensor of floating-point numbers from an array. Conversion to 16 bits rounds to nearest, ties to even.
     *
     * @param device where
     * @param dtype the type of the tensor: {@link DType#F32}, {@link DType#F16} or {@link DType#BF16}
     * @param values its elements in row-major order
     * @param shape its dimensions
     * @return a new tensor, to be closed
     * @throws IllegalArgumentException if the dtype is none of those, or the shape has another number of elements than
     *     the array
     * @throws CceException with {@link Status#OUT_OF_MEMORY} if the device has not that much memory left
     */
    public static Tensor copyOf(Device device, DType dtype, float[] values, long... shape) {
        Objects.requireNonNull(values, "values");
        Check.dtype("a tensor of floats", dtype, DType.F32, DType.F16, DType.BF16);
        Check.length("values", values.length, dtype, shape);
        Tensor tensor = allocate(device, dtype, shape);
        return tensor.filled(() -> tensor.copyFrom(values));
    }

    /**
     * Makes a tensor of 16-bit floating-point numbers from their bits.
     *
     * @param device where
     * @param dtype the type of the tensor: {@link DType#F16} or {@link DType#BF16}
     * @param bits its elements in row-major order
     * @param shape its dimensions
     * @return a new tensor, to be closed
     * @throws IllegalArgumentException if the dtype is none of those, or the shape has another number of elements than
     *     the array
     * @throws CceException with {@link Status#OUT_OF_MEMORY} if the device has not that much memory left
     */
    public static Tensor copyOf(Device device, DType dtype, short[] bits, long... shape) {
        Objects.requireNonNull(bits, "bits");
        Check.dtype("a tensor of the bits of 16-bit floats", dtype, DType.F16, DType.BF16);
        Check.length("bits", bits.length, dtype, shape);
        return copyOf(device, dtype, MemorySegment.ofArray(bits), shape);
    }

    /**
     * Makes a tensor of dtype {@link DType#I32} from an array.
     *
     * @param device where
     * @param values its elements in row-major order
     * @param shape its dimensions
     * @return a new tensor, to be closed
     * @throws IllegalArgumentException if the shape has another number of elements than the array
     * @throws CceException with {@link Status#OUT_OF_MEMORY} if the device has not that much memory left
     */
    public static Tensor copyOf(Device device, int[] values, long... shape) {
        Objects.requireNonNull(values, "values");
        Check.length("values", values.length, DType.I32, shape);
        return copyOf(device, DType.I32, MemorySegment.ofArray(values), shape);
    }

    /**
     * Makes a tensor of dtype {@link DType#I64} from an array.
     *
     * @param device where
     * @param values its elements in row-major order
     * @param shape its dimensions
     * @return a new tensor, to be closed
     * @throws IllegalArgumentException if the shape has another number of elements than the array
     * @throws CceException with {@link Status#OUT_OF_MEMORY} if the device has not that much memory left
     */
    public static Tensor copyOf(Device device, long[] values, long... shape) {
        Objects.requireNonNull(values, "values");
        Check.length("values", values.length, DType.I64, shape);
        return copyOf(device, DType.I64, MemorySegment.ofArray(values), shape);
    }

    /**
     * Makes a tensor from the bytes of a segment, which may be on the Java heap, native or a mapped file.
     *
     * @param device where
     * @param dtype the type of its elements
     * @param source its elements in row-major order and native byte order, of exactly the tensor's size
     * @param shape its dimensions
     * @return a new tensor, to be closed
     * @throws IllegalArgumentException if the segment has another size in bytes than the tensor
     * @throws CceException with {@link Status#OUT_OF_MEMORY} if the device has not that much memory left
     */
    public static Tensor copyOf(Device device, DType dtype, MemorySegment source, long... shape) {
        Objects.requireNonNull(source, "source");
        Check.size("source", source, dtype, shape);
        Tensor tensor = allocate(device, dtype, shape);
        return tensor.filled(() -> tensor.copyFrom(source));
    }

    /**
     * Looks at host memory as a tensor of the CPU, without a copy.
     *
     * <p>The segment's arena decides how long the memory lives: a tensor whose arena was closed counts as closed. A
     * computation that runs keeps the arena open, so closing a shared arena meanwhile fails as it does during any
     * downcall. A segment of a confined arena can be used only by the thread that the arena belongs to. A read-only
     * segment makes a read-only tensor. A mapped file must not be truncated while it is in use. Closing the tensor does
     * not touch the memory.
     *
     * {@snippet class="io.github.cce4j.snippets.TensorSnippets" region="view"}
     *
     * @param dtype the type of its elements
     * @param host a native segment or a mapped file, of exactly the tensor's size and aligned to the dtype's
     * @param shape its dimensions
     * @return a view of the memory, which the collector may take without being closed
     * @throws IllegalArgumentException if the segment is on the Java heap, has another size in bytes than the tensor,
     *     or is not aligned
     */
    public static Tensor view(DType dtype, MemorySegment host, long... shape) {
        Objects.requireNonNull(host, "host");
        if (!host.isNative()) {
            throw new IllegalArgumentException("host must be a native segment, but is on the Java heap: use copyOf");
        }
        Check.size("host", host, dtype, shape);
        Check.alignment("host", host, dtype);
        return borrow(Device.cpu(), dtype, host, shape);
    }

    /**
     * Looks at memory of a device that another library owns, without a copy.
     *
     * <p>The owner must keep it until this tensor is closed, which waits for the work that still uses it. Work that the
     * owner put on other streams must be done before the memory is used here, or be tied in by an {@link Event} or by
     * {@link Stream#of}.
     *
     * @param device where the memory is; for the CPU the same as {@link #view(DType, MemorySegment, long...)}
     * @param dtype the type of its elements
     * @param pointer the device pointer; the length of the segment does not count
     * @param shape its dimensions
     * @return a view of the memory, to be closed before the owner frees it
     * @throws IllegalArgumentException if the pointer is on the Java heap or not aligned to the dtype's size
     * @throws CceException with {@link Status#INVALID_ARGUMENT} if it is no memory of this device, with what it is
     *     instead
     */
    public static Tensor view(Device device, DType dtype, MemorySegment pointer, long... shape) {
        Objects.requireNonNull(device, "device");
        Objects.requireNonNull(pointer, "pointer");
        if (!device.isCuda()) {
            return view(dtype, pointer, shape);
        }
        if (!pointer.isNative()) {
            throw new IllegalArgumentException("pointer must be of " + device + ", but is on the Java heap");
        }
        Check.alignment("pointer", pointer, dtype);
        long bytes = Shape.bytes(dtype, shape);
        MemoryCalls.checkPointer(device.ordinal(), pointer, bytes);
        return borrow(device, dtype, pointer, shape);
    }

    private static Tensor borrow(Device device, DType dtype, MemorySegment segment, long[] shape) {
        long bytes = Shape.bytes(dtype, shape);
        long[] dimensions = shape.clone();
        Memory memory = Memory.borrow(device.ordinal(), bytes, segment, () -> describe(device, dtype, dimensions));
        return new Tensor(device, dtype, dimensions, memory, true);
    }

    /**
     * Looks at the same memory with another shape. The result lives no longer than this tensor; closing it alone does
     * not touch the memory.
     *
     * @param newShape dimensions with the same number of elements
     * @return a view of this tensor, which the collector may take without being closed
     * @throws IllegalArgumentException if the shape has another number of elements
     * @throws IllegalStateException if this tensor is closed
     */
    public Tensor as(long... newShape) {
        if (Shape.elements(dtype, newShape) != elements) {
            throw new IllegalArgumentException(
                    "the new shape must have " + elements + " elements as " + Arrays.toString(shape) + ", but is "
                            + Arrays.toString(newShape));
        }
        requireOpen();
        return new Tensor(device, dtype, newShape.clone(), memory, false);
    }

    /** Runs what fills a new tensor, and closes the tensor if that fails. */
    private Tensor filled(Runnable fill) {
        try {
            fill.run();
            return this;
        } catch (Throwable e) {
            close();
            throw e;
        }
    }

    // ---- what it is ------------------------------------------------------------------------------------------------

    /**
     * Where its memory is.
     *
     * @return the device
     */
    public Device device() {
        return device;
    }

    /**
     * The type of its elements.
     *
     * @return the dtype
     */
    public DType dtype() {
        return dtype;
    }

    /**
     * Its dimensions.
     *
     * @return a copy; empty for a scalar
     */
    public long[] shape() {
        return shape.clone();
    }

    /**
     * The number of its dimensions.
     *
     * @return 0 for a scalar
     */
    public int rank() {
        return shape.length;
    }

    /**
     * One dimension.
     *
     * @param index from 0; negative counts from the last, which is -1
     * @return the size of that dimension
     * @throws IndexOutOfBoundsException if there is no such dimension
     */
    public long dim(int index) {
        return shape[Objects.checkIndex(index < 0 ? index + shape.length : index, shape.length)];
    }

    /**
     * The number of its elements.
     *
     * @return the product of the dimensions, 1 for a scalar
     */
    public long elements() {
        return elements;
    }

    /**
     * The size of its elements.
     *
     * @return bytes in all
     */
    public long byteSize() {
        return memory.bytes();
    }

    /**
     * Whether it can be used.
     *
     * @return false after {@link #close()}, and for a view when its owner or arena is closed
     */
    public boolean isOpen() {
        return !closed && memory.isOpen();
    }

    /**
     * Whether it can only be read, since it is a view of a read-only segment.
     *
     * @return true if it cannot be written to
     */
    public boolean isReadOnly() {
        return memory.isReadOnly();
    }

    /**
     * Its memory, for other code. On the CPU the segment has the tensor's size and is dead when the tensor is closed,
     * which waits for downcalls that use it. On CUDA it is a device pointer without length, which Java cannot
     * dereference; who passes it to other code must keep the tensor open for as long as that code uses it.
     *
     * <p>Results that a CUDA stream is still computing are there after {@link Stream#synchronize()}, or for work that
     * comes later on that stream.
     *
     * @return the segment
     * @throws IllegalStateException if this tensor is closed
     */
    public MemorySegment address() {
        return memory().expose();
    }

    // ---- copying ---------------------------------------------------------------------------------------------------

    /**
     * Copies all elements into a segment, which may be on the Java heap, native or a mapped file.
     *
     * @param target where to, of exactly this tensor's size
     * @throws IllegalArgumentException if the segment has another size in bytes or is read-only
     * @throws IllegalStateException if this tensor or the segment's arena is closed
     */
    public void copyTo(MemorySegment target) {
        Objects.requireNonNull(target, "target");
        Check.size("target", target, dtype, shape);
        if (target.isReadOnly()) {
            throw new IllegalArgumentException("target must be writable, but is a read-only segment");
        }
        Transfer.read(memory(), target);
    }

    /**
     * Copies all elements into an array; 16-bit floats become floats.
     *
     * @param target where to, of exactly as many elements
     * @throws IllegalArgumentException if this tensor is not of floating-point numbers, or the array has another length
     * @throws IllegalStateException if this tensor is closed
     */
    public void copyTo(float[] target) {
        Objects.requireNonNull(target, "target");
        Check.dtype("the tensor of copyTo(float[])", dtype, DType.F32, DType.F16, DType.BF16);
        Check.length("target", target.length, dtype, shape);
        if (dtype == DType.F32) {
            Transfer.read(memory(), MemorySegment.ofArray(target));
        } else {
            short[] bits = new short[target.length];
            Transfer.read(memory(), MemorySegment.ofArray(bits));
            HalfFloats.toFloats(dtype, bits, target);
        }
    }

    /**
     * Replaces all elements by the bytes of a segment, which may be on the Java heap, native or a mapped file.
     *
     * @param source where from, of exactly this tensor's size, in native byte order
     * @throws IllegalArgumentException if the segment has another size in bytes, or this tensor is read-only
     * @throws IllegalStateException if this tensor or the segment's arena is closed
     */
    public void copyFrom(MemorySegment source) {
        Objects.requireNonNull(source, "source");
        Check.size("source", source, dtype, shape);
        requireWritable();
        Transfer.write(source, memory());
    }

    /**
     * Replaces all elements by those of an array. Conversion to 16 bits rounds to nearest, ties to even.
     *
     * @param source where from, of exactly as many elements
     * @throws IllegalArgumentException if this tensor is not of floating-point numbers or read-only, or the array has
     *     another length
     * @throws IllegalStateException if this tensor is closed
     */
    public void copyFrom(float[] source) {
        Objects.requireNonNull(source, "source");
        Check.dtype("the tensor of copyFrom(float[])", dtype, DType.F32, DType.F16, DType.BF16);
        Check.length("source", source.length, dtype, shape);
        requireWritable();
        Transfer.write(
                dtype == DType.F32
                        ? MemorySegment.ofArray(source)
                        : MemorySegment.ofArray(HalfFloats.fromFloats(dtype, source)),
                memory());
    }

    /**
     * Replaces all elements by those of another tensor, of any device and shape.
     *
     * @param source where from, of the same dtype and number of elements
     * @throws IllegalArgumentException if dtype or number of elements differ, or this tensor is read-only
     * @throws IllegalStateException if one of the tensors is closed
     */
    public void copyFrom(Tensor source) {
        Objects.requireNonNull(source, "source");
        if (source.dtype != dtype || source.elements != elements) {
            throw new IllegalArgumentException(
                    "source must have " + elements + " elements of " + dtype + ", but has " + source.elements + " of "
                            + source.dtype);
        }
        requireWritable();
        Transfer.copy(source.memory(), memory());
    }

    /**
     * All elements as floats; 16-bit floats are converted.
     *
     * @return a new array in row-major order
     * @throws IllegalArgumentException if this tensor is not of floating-point numbers, or has too many elements for an
     *     array
     * @throws IllegalStateException if this tensor is closed
     */
    public float[] toFloats() {
        Check.dtype("the tensor of toFloats()", dtype, DType.F32, DType.F16, DType.BF16);
        float[] values = new float[arrayLength()];
        copyTo(values);
        return values;
    }

    /**
     * The bits of all elements.
     *
     * @return a new array in row-major order
     * @throws IllegalArgumentException if this tensor is not of 16-bit floats, or has too many elements for an array
     * @throws IllegalStateException if this tensor is closed
     */
    public short[] toShorts() {
        Check.dtype("the tensor of toShorts()", dtype, DType.F16, DType.BF16);
        short[] bits = new short[arrayLength()];
        Transfer.read(memory(), MemorySegment.ofArray(bits));
        return bits;
    }

    /**
     * All elements of an {@link DType#I32} tensor.
     *
     * @return a new array in row-major order
     * @throws IllegalArgumentException if the dtype is another, or there are too many elements for an array
     * @throws IllegalStateException if this tensor is closed
     */
    public int[] toInts() {
        Check.dtype("the tensor of toInts()", dtype, DType.I32);
        int[] values = new int[arrayLength()];
        Transfer.read(memory(), MemorySegment.ofArray(values));
        return values;
    }

    /**
     * All elements of an {@link DType#I64} tensor.
     *
     * @return a new array in row-major order
     * @throws IllegalArgumentException if the dtype is another, or there are too many elements for an array
     * @throws IllegalStateException if this tensor is closed
     */
    public long[] toLongs() {
        Check.dtype("the tensor of toLongs()", dtype, DType.I64);
        long[] values = new long[arrayLength()];
        Transfer.read(memory(), MemorySegment.ofArray(values));
        return values;
    }

    /**
     * The only element of a tensor of floating-point numbers.
     *
     * @return its value
     * @throws IllegalArgumentException if there is not exactly one element, or it is not a floating-point number
     * @throws IllegalStateException if this tensor is closed
     */
    public float item() {
        if (elements != 1) {
            throw new IllegalArgumentException("item() is for one element, but shape is " + Arrays.toString(shape));
        }
        return toFloats()[0];
    }

    /**
     * Sets all elements to 0.
     *
     * @throws IllegalArgumentException if this tensor is read-only
     * @throws IllegalStateException if this tensor is closed
     */
    public void zero() {
        requireWritable();
        Transfer.zero(memory());
    }

    /**
     * Frees the memory that this tensor owns, or ends the view. Waits for the calls that use it. Work that is queued on
     * a device is taken care of: owned memory is used anew only after it, and a view waits for it, so that the owner
     * may then free the memory. Closing again does nothing.
     */
    @Override
    public void close() {
        closed = true;
        if (ownsLife) {
            memory.close();
        }
    }

    @Override
    public String toString() {
        return describe(device, dtype, shape);
    }

    // ---- checks ----------------------------------------------------------------------------------------------------

    /** For use in a call. */
    Memory memory() {
        if (closed) {
            throw new IllegalStateException(this + " is closed");
        }
        return memory;
    }

    void requireOpen() {
        memory().requireOpen();
    }

    private void requireWritable() {
        if (isReadOnly()) {
            throw new IllegalArgumentException(this + " is read-only");
        }
    }

    private int arrayLength() {
        if (elements > LONGEST_ARRAY) {
            throw new IllegalArgumentException(
                    "a Java array has at most " + LONGEST_ARRAY + " elements, but this tensor has " + elements
                            + ": use copyTo(MemorySegment)");
        }
        return (int) elements;
    }

    private static String describe(Device device, DType dtype, long[] shape) {
        return "Tensor " + dtype + Arrays.toString(shape) + " on " + device;
    }
}
