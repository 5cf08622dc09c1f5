package io.github.cce4j.internal.downcall;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.cce4j.Gradient;
import io.github.cce4j.Status;
import io.github.cce4j.bindings.cce_h;
import java.util.EnumSet;
import org.junit.jupiter.api.Test;

class CodesTest {
    @Test
    void writtenDownConstantsAreThoseOfTheHeader() {
        assertEquals(cce_h.CCE_CPU(), Codes.CPU);
        assertEquals(cce_h.CCE_FILTER_NONE(), Codes.FILTER_NONE);
        assertEquals(cce_h.CCE_FILTER_AUTO(), Codes.FILTER_AUTO);
    }

    @Test
    void statusesAreThoseOfTheHeader() {
        assertEquals(Status.INVALID_ARGUMENT, Codes.status(cce_h.CCE_ERROR_INVALID_ARGUMENT()));
        assertEquals(Status.TARGET, Codes.status(cce_h.CCE_ERROR_TARGET()));
        assertEquals(Status.OUT_OF_MEMORY, Codes.status(cce_h.CCE_ERROR_OUT_OF_MEMORY()));
        assertEquals(Status.BUFFER_TOO_SMALL, Codes.status(cce_h.CCE_ERROR_BUFFER_TOO_SMALL()));
        assertEquals(Status.NO_DEVICE, Codes.status(cce_h.CCE_ERROR_NO_DEVICE()));
        assertEquals(Status.CUDA, Codes.status(cce_h.CCE_ERROR_CUDA()));
        assertEquals(Status.STATE, Codes.status(cce_h.CCE_ERROR_STATE()));
    }

    @Test
    void masksJoinGradients() {
        assertEquals(0, Codes.mask(EnumSet.noneOf(Gradient.class)));
        assertEquals(
                cce_h.CCE_GRADIENT_EMBEDDINGS() | cce_h.CCE_GRADIENT_BIAS(),
                Codes.mask(EnumSet.of(Gradient.EMBEDDINGS, Gradient.BIAS)));
    }
}
