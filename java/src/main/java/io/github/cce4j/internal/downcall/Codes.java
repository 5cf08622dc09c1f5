package io.github.cce4j.internal.downcall;

import io.github.cce4j.DType;
import io.github.cce4j.Gradient;
import io.github.cce4j.Reduction;
import io.github.cce4j.Status;
import io.github.cce4j.bindings.cce_h;
import java.util.Set;

/** The numbers that cce.h gives to the constants of the API. */
public final class Codes {
    /**
     * The CPU's number. This constant and the next two are written down here, not taken from the bindings, since they
     * are needed where the library is not loaded yet: only the loader may initialise the bindings.
     */
    public static final int CPU = -1;

    /** A filter threshold that leaves nothing out. */
    public static final double FILTER_NONE = 0;

    /** A filter threshold that depends on the dtype. */
    public static final double FILTER_AUTO = -1;

    private Codes() {}

    public static int of(DType dtype) {
        return switch (dtype) {
            case F32 -> cce_h.CCE_F32();
            case F16 -> cce_h.CCE_F16();
            case BF16 -> cce_h.CCE_BF16();
            case I32 -> cce_h.CCE_I32();
            case I64 -> cce_h.CCE_I64();
        };
    }

    public static int of(Reduction reduction) {
        return switch (reduction) {
            case NONE -> cce_h.CCE_REDUCTION_NONE();
            case MEAN -> cce_h.CCE_REDUCTION_MEAN();
            case SUM -> cce_h.CCE_REDUCTION_SUM();
        };
    }

    public static int mask(Set<Gradient> gradients) {
        int mask = 0;
        for (Gradient gradient : gradients) {
            mask |= switch (gradient) {
                case EMBEDDINGS -> cce_h.CCE_GRADIENT_EMBEDDINGS();
                case CLASSIFIER -> cce_h.CCE_GRADIENT_CLASSIFIER();
                case BIAS -> cce_h.CCE_GRADIENT_BIAS();
            };
        }
        return mask;
    }

    static Status status(int code) {
        for (Status status : Status.values()) {
            if (status.code() == code) {
                return status;
            }
        }
        throw new AssertionError("cce.h has no status " + code);
    }
}
