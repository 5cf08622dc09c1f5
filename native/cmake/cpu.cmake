# The CPU kernels: kernels_<family>.cpp holds all of them for one instruction set; the processor decides at run time
# which family serves. Only the file of a family is compiled with its flags. Contraction makes a * b + c of vector types one
# fused multiply-add; GCC takes "on" for "off".
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    set(families generic avx2 avx512 amx)
    set(avx2_flags -mavx2 -mfma -mf16c)
    set(avx512_flags ${avx2_flags} -mavx512f -mavx512bw -mavx512dq -mavx512vl -mprefer-vector-width=512)
    set(amx_flags ${avx512_flags} -mavx512bf16 -mamx-tile -mamx-bf16)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
    set(families generic neon)
else()
    set(families generic)
endif()

foreach(family ${families})
    set(source src/cpu/kernels/kernels_${family}.cpp)
    target_sources(cce PRIVATE ${source})
    set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "-O3;-ffp-contract=fast;${${family}_flags}")
endforeach()

# Sleeping workers of the thread pool must not lose their code: dlclose() leaves the library mapped.
target_link_options(cce PRIVATE -Wl,-z,nodelete)
