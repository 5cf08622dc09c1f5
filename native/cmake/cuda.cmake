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

file(GLOB sources CONFIGURE_DEPENDS src/cuda/*.cu src/cuda/*/*.cu)
target_sources(cce PRIVATE ${sources})
set_target_properties(cce PROPERTIES
    CUDA_ARCHITECTURES "${CMAKE_CUDA_ARCHITECTURES}"
    CUDA_STANDARD 17
    CUDA_STANDARD_REQUIRED ON
    CUDA_RUNTIME_LIBRARY Static
    CUDA_VISIBILITY_PRESET hidden)
list(JOIN host_options "," cuda_host_options)
target_compile_options(cce PRIVATE
    $<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr -Werror=all-warnings -Xcompiler=-Wall,-Wextra,-Werror,${cuda_host_options}>)
