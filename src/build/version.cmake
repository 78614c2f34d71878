# Writes build_info.cpp at build time: version, commit, compiler. The commit is asked for at every
# build; the file is only touched when it changed. Part of the layer all others link.
set(version_source ${CMAKE_BINARY_DIR}/build_info.cpp)
add_custom_target(sluice_version ALL
    COMMAND ${CMAKE_COMMAND}
        -DSOURCE=${PROJECT_SOURCE_DIR} -DOUT=${version_source} -DVERSION=${PROJECT_VERSION}
        "-DCOMPILER=${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}"
        "-DBUILD=${CMAKE_BUILD_TYPE}"
        -P ${PROJECT_SOURCE_DIR}/src/build/write_version.cmake
    BYPRODUCTS ${version_source})
set_source_files_properties(${version_source} PROPERTIES GENERATED TRUE)
target_sources(sluice_base PRIVATE ${version_source})
