package io.github.cce4j.cli;

import com.fasterxml.jackson.annotation.JsonInclude;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** Reports as JSON: records, with names in snake case, absent parts left out. */
final class Json {
    private static final JsonMapper MAPPER = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .changeDefaultPropertyInclusion(inclusion -> inclusion.withValueInclusion(JsonInclude.Include.NON_NULL))
            .build();

    private Json() {
    }

    static String line(Object report) {
        return MAPPER.writeValueAsString(report);
    }

    static String indented(Object report) {
        return MAPPER.writer().with(SerializationFeature.INDENT_OUTPUT).writeValueAsString(report);
    }
}
