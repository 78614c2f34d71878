# Writes build_info.cpp at build time: version, commit, compiler. The commit is asked for at every
# build; the file is only touched when it changed.
set(SLUICE_VERSION_SOURCE ${CMAKE_BINARY_DIR}/build_info.cpp)
add_custom_target(sluice_version ALL
    COMMAND ${CMAKE_COMMAND}
        -DSOURCE=${PROJECT_SOURCE_DIR} -DOUT=${SLUICE_VERSION_SOURCE} -DVERSION=${PROJECT_VERSION}
        "-DCOMPILER=${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}"
        "-DBUILD=${CMAKE_BUILD_TYPE}"
        -P ${PROJECT_SOURCE_DIR}/src/build/write_version.cmake
    BYPRODUCTS ${SLUICE_VERSION_SOURCE})
set_source_files_properties(${SLUICE_VERSION_SOURCE} PROPERTIES GENERATED TRUE)
