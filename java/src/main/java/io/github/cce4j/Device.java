package io.github.cce4j;

import io.github.cce4j.internal.downcall.Codes;
import io.github.cce4j.internal.downcall.DeviceCalls;
import io.github.cce4j.internal.memory.NativeStream;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * Where tensors are and computations run: the CPU or a CUDA GPU. Devices are values: equal if they are the same device.
 *
 * {@snippet class="io.github.cce4j.snippets.DeviceSnippets" region="best"}
 *
 * <p>A CUDA device exists if the library was built with CUDA and the driver finds the GPU; otherwise the same library
 * offers the CPU alone.
 *
 * <p>All methods but {@link #cpu()} and those that read what is already known ask the native library and load it first
 * if need be, with a {@link CceException} of status {@link Status#LIBRARY} if that fails.
 */
public final class Device {
    private static final Device CPU = new Device(Codes.CPU);

    private final int number;

    private Device(int number) {
        this.number = number;
    }

    /**
     * The CPU. It is always there.
     *
     * @return the device "cpu"
     */
    public static Device cpu() {
        return CPU;
    }

    /**
     * A CUDA device.
     *
     * @param ordinal its number, from 0, as the CUDA runtime counts (so {@code CUDA_VISIBLE_DEVICES} matters)
     * @return the device "cuda:ordinal"
     * @throws IllegalArgumentException if {@code ordinal} is negative
     * @throws CceException with {@link Status#NO_DEVICE} if there is no such device
     */
    public static Device cuda(int ordinal) {
        if (ordinal < 0) {
            throw new IllegalArgumentException("the ordinal of a CUDA device must be at least 0, but is " + ordinal);
        }
        int count = cudaCount();
        if (ordinal >= count) {
            throw new CceException(
                    Status.NO_DEVICE,
                    "there is no device cuda:" + ordinal + ": the number of CUDA devices is " + count);
        }
        return new Device(ordinal);
    }

    /**
     * The fastest device: the first CUDA device if there is one, else the CPU.
     *
     * @return a device that exists
     */
    public static Device best() {
        return cudaCount() > 0 ? new Device(0) : CPU;
    }

    /**
     * The device of a name.
     *
     * @param name "cpu", "cuda" (the first), "cuda:K", or "best"
     * @return the device
     * @throws IllegalArgumentException if the name is none of these
     * @throws CceException with {@link Status#NO_DEVICE} if there is no such device
     */
    public static Device parse(String name) {
        Objects.requireNonNull(name, "name");
        return switch (name) {
            case "cpu" -> CPU;
            case "best" -> best();
            case "cuda" -> cuda(0);
            default -> cuda(ordinalIn(name));
        };
    }

    private static int ordinalIn(String name) {
        if (name.matches("cuda:[0-9]{1,9}")) {
            return Integer.parseInt(name.substring("cuda:".length()));
        }
        throw new IllegalArgumentException("a device must be cpu, cuda, cuda:K or best, but is '" + name + "'");
    }

    /**
     * All devices: the CPU, then the CUDA devices in order.
     *
     * @return an unmodifiable list, at least one long
     */
    public static List<Device> all() {
        List<Device> devices = new ArrayList<>(List.of(CPU));
        for (int ordinal = 0; ordinal < cudaCount(); ordinal++) {
            devices.add(new Device(ordinal));
        }
        return List.copyOf(devices);
    }

    /**
     * How many CUDA devices there are.
     *
     * @return 0 without a GPU, without a driver, or with a library that was built without CUDA
     */
    public static int cudaCount() {
        return DeviceCalls.cudaCount();
    }

    /**
     * Whether this is a CUDA device.
     *
     * @return false for the CPU
     */
    public boolean isCuda() {
        return number != Codes.CPU;
    }

    /**
     * The number among the CUDA devices.
     *
     * @return the ordinal, -1 for the CPU
     */
    public int ordinal() {
        return number;
    }

    /**
     * What the manufacturer calls it.
     *
     * @return the processor's or GPU's name
     */
    public String name() {
        return DeviceCalls.name(number);
    }

    /**
     * Which family of kernels it tries first. On CUDA a problem that this family does not take goes to the next one:
     * "cuda-sm90" and "cuda-sm80" compute forward from 16-bit inputs whose rows begin at multiples of 16 bytes,
     * "cuda-plain" takes any.
     *
     * @return "amx", "avx512", "avx2", "neon" or "generic" for the CPU; "cuda-sm90" (Hopper), "cuda-sm80" (Ampere and
     *     later) or "cuda-plain" for CUDA
     */
    public String kernels() {
        return DeviceCalls.kernels(number);
    }

    /**
     * What those kernels make use of.
     *
     * @return the instruction sets in use on the CPU, the compute capability on CUDA
     */
    public String features() {
        return DeviceCalls.features(number);
    }

    /**
     * Its size and versions, and how much memory is free now.
     *
     * @return the properties
     */
    public DeviceProperties properties() {
        return DeviceCalls.properties(number);
    }

    /**
     * Memory that this library has allocated on it.
     *
     * @return the usage now
     */
    public MemoryUsage memoryUsage() {
        return DeviceCalls.memoryUsage(number);
    }

    /** Starts a new measurement of {@link MemoryUsage#peakBytes()}: from now on it begins with what is live. */
    public void resetPeakMemory() {
        DeviceCalls.resetPeakMemory(number);
    }

    /**
     * Waits until all work on the device is done, on every stream and whoever put it there. On the CPU it always is.
     *
     * @throws CceException with {@link Status#CUDA} if work failed
     */
    public void synchronize() {
        DeviceCalls.synchronize(number);
    }

    /**
     * The stream that work goes to unless another is named. It is never closed.
     *
     * @return the default stream of this device
     */
    public Stream defaultStream() {
        return new Stream(this, NativeStream.borrow(number, MemorySegment.NULL));
    }

    /**
     * Makes a stream, whose work may run beside that of other streams. On the CPU work is done when a call returns, and
     * a stream is only a name.
     *
     * @return a new stream, to be closed
     * @throws CceException if the device has none left
     */
    public Stream newStream() {
        return new Stream(this, NativeStream.create(number, "a Stream of " + this));
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Device device && device.number == number;
    }

    @Override
    public int hashCode() {
        return number;
    }

    /** The name that {@link #parse} understands: "cpu", "cuda:0". */
    @Override
    public String toString() {
        return isCuda() ? "cuda:" + number : "cpu";
    }
}
