# The console's files as one source of the server: written anew when one of them changed.
file(GLOB console_files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/console/*)
set(console_source ${CMAKE_BINARY_DIR}/console_files.cpp)
add_custom_command(OUTPUT ${console_source}
    COMMAND ${CMAKE_COMMAND} "-DFILES=${console_files}" -DOUT=${console_source}
        -P ${PROJECT_SOURCE_DIR}/src/build/write_console.cmake
    DEPENDS ${console_files} ${PROJECT_SOURCE_DIR}/src/build/write_console.cmake
    VERBATIM)
target_sources(sluice_server PRIVATE ${console_source})
target_include_directories(sluice_server PRIVATE ${PROJECT_SOURCE_DIR}/src)
