# The CUDA part of libcce, where nvcc is found. The runtime is linked statically and finds the driver when it is first
# used, so the library loads on machines without either.
if(CCE_CUDA)
    if(NOT DEFINED CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
        file(GLOB toolkits /usr/local/cuda/bin /usr/local/cuda-*/bin)
        find_program(CMAKE_CUDA_COMPILER nvcc HINTS ENV CUDA_HOME PATHS ${toolkits} PATH_SUFFIXES bin)
    endif()
    include(CheckLanguage)
    check_language(CUDA)
endif()

if(NOT CCE_CUDA OR NOT CMAKE_CUDA_COMPILER)
    message(STATUS "libcce: CPU alone")
    target_sources(cce PRIVATE src/cuda/cuda_absent.cpp)
    return()
endif()

# Machine code for Turing, Ampere and Hopper; PTX for what comes later.
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES 75-real 80-real 90)
endif()
enable_language(CUDA)
message(STATUS "libcce: CPU and CUDA ${CMAKE_CUDA_COMPILER_VERSION}, architectures ${CMAKE_CUDA_ARCHITECTURES}")

function(cce_cuda_settings target)
    set_target_properties(${target} PROPERTIES
        CUDA_STANDARD 17
        CUDA_STANDARD_REQUIRED ON
        CUDA_RUNTIME_LIBRARY Static
        CUDA_VISIBILITY_PRESET hidden)
    list(JOIN host_options "," cuda_host_options)
    target_compile_options(${target} PRIVATE
        $<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr -Werror=all-warnings -Xcompiler=-Wall,-Wextra,-Werror,${cuda_host_options}>)
endfunction()

# The kernels of src/cuda/${family}, for the architectures whose instructions they use.
function(cce_cuda_family family)
    file(GLOB sources CONFIGURE_DEPENDS src/cuda/${family}/*.cu)
    add_library(cce_${family} OBJECT ${sources})
    cce_cuda_settings(cce_${family})
    set_target_properties(cce_${family} PROPERTIES CUDA_ARCHITECTURES "${ARGN}" POSITION_INDEPENDENT_CODE ON)
    target_include_directories(cce_${family} PRIVATE include src)
    target_compile_definitions(cce_${family} PRIVATE CCE_BUILD)
    target_sources(cce PRIVATE $<TARGET_OBJECTS:cce_${family}>)
endfunction()

file(GLOB sources CONFIGURE_DEPENDS src/cuda/*.cu src/cuda/backward/*.cu src/cuda/filtered/*.cu src/cuda/forward/*.cu src/cuda/plain/*.cu)
target_sources(cce PRIVATE ${sources})
set_target_properties(cce PROPERTIES CUDA_ARCHITECTURES "${CMAKE_CUDA_ARCHITECTURES}")
cce_cuda_settings(cce)

set(from_ampere ${CMAKE_CUDA_ARCHITECTURES})
list(FILTER from_ampere INCLUDE REGEX "^([89]|1[0-9])[0-9]")
if(NOT from_ampere)
    set(from_ampere 80)
endif()
cce_cuda_family(sm80 ${from_ampere})

# Instructions of Hopper alone. ptxas only remarks that it serialises wgmma or spills registers: an error here.
cce_cuda_family(sm90 90a-real)
set_target_properties(cce_sm90 PROPERTIES CUDA_COMPILER_LAUNCHER ${CMAKE_CURRENT_LIST_DIR}/refuse-slow-code.sh)
target_compile_options(cce_sm90 PRIVATE -Xptxas=-v)

add_custom_command(TARGET cce POST_BUILD VERBATIM COMMAND_EXPAND_LISTS
    COMMAND ${CMAKE_CURRENT_LIST_DIR}/print-kernels.sh ${CMAKE_NM}
        $<TARGET_OBJECTS:cce> $<TARGET_OBJECTS:cce_sm80> $<TARGET_OBJECTS:cce_sm90>)
