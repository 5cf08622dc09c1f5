package io.github.cce4j.test.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.cce4j.Device;
import io.github.cce4j.DeviceProperties;
import io.github.cce4j.Library;
import io.github.cce4j.MemoryUsage;
import io.github.cce4j.Tensor;
import io.github.cce4j.test.Devices;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** What devices and the library say of themselves. */
@Tag("contract")
class DeviceTest {

    @TestFactory
    Stream<DynamicNode> devicesDescribeThemselves() {
        return Devices.each(device -> {
            assertFalse(device.name().isBlank());
            assertFalse(device.kernels().isBlank());
            assertFalse(device.features().isBlank());
            assertEquals(device, Device.parse(device.toString()));
            assertEquals(device.hashCode(), Device.parse(device.toString()).hashCode());
            DeviceProperties properties = device.properties();
            assertTrue(properties.totalMemory() > 0 && properties.freeMemory() <= properties.totalMemory(),
                    properties::toString);
            assertTrue(properties.multiprocessors() > 0, properties::toString);
            assertEquals(device.isCuda(), properties.computeMajor() > 0, properties::toString);
            assertEquals(device.isCuda(), properties.driverVersion() > 0, properties::toString);
        });
    }

    @TestFactory
    Stream<DynamicNode> memoryIsCounted() {
        return Devices.each(device -> {
            MemoryUsage before = device.memoryUsage();
            try (Tensor tensor = Tensor.copyOf(device, new float[] {1, 2, 3}, 3)) {
                assertEquals(12, tensor.byteSize());
                assertEquals(before.liveBytes() + 12, device.memoryUsage().liveBytes());
                assertEquals(before.liveAllocations() + 1, device.memoryUsage().liveAllocations());
                assertEquals(before.totalAllocations() + 1, device.memoryUsage().totalAllocations());
            }
            assertEquals(before.liveBytes(), device.memoryUsage().liveBytes());
        });
    }

    @Test
    void thereIsAlwaysTheCpuAndTheBestDevice() {
        assertEquals(Device.cpu(), Device.all().get(0));
        assertEquals(1 + Device.cudaCount(), Device.all().size());
        assertEquals(Device.cudaCount() > 0 ? Device.cuda(0) : Device.cpu(), Device.best());
        assertEquals(Device.best(), Device.parse("best"));
        assertEquals(-1, Device.cpu().ordinal());
        assertTrue(Library.load().version().matches("\\d+\\.\\d+\\.\\d+"), Library.load().version());
    }
}
