# What most files include, parsed once for all of them: a fifth of what compiling with a sanitizer takes.
# Without it each file is seen as it is, with what it includes and nothing else; some trees have to be built so.
option(SLUICE_PARSE_ONCE "Parse the public headers once for what sanitizers keep unoptimised (clang)" OFF)

# The layers that include most of it.
set(SLUICE_ASIO_LAYERS "^(net|config|state|proxy|server|simulate)$")
# Of other people's headers, those that the public ones do not bring.
set(others
    boost/asio/as_tuple.hpp boost/asio/co_spawn.hpp boost/asio/connect.hpp boost/asio/post.hpp boost/asio/ssl.hpp
    boost/asio/steady_timer.hpp boost/asio/thread_pool.hpp boost/asio/use_awaitable.hpp boost/asio/write.hpp
    boost/beast/http/parser.hpp boost/beast/http/string_body.hpp openssl/x509v3.h simdjson.h sqlite3.h)

# sluice_parsed(NAME HEADERS LIBRARY...): the headers, parsed with what those libraries say about their users.
function(sluice_parsed name headers)
    if(NOT SLUICE_SANITIZE OR NOT SLUICE_PARSE_ONCE OR NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
        return()
    endif()
    list(TRANSFORM headers REPLACE ".+" "#include <\\0>\n")
    list(JOIN headers "" text)
    set(path ${CMAKE_CURRENT_BINARY_DIR}/parsed_${name}.hpp)
    file(CONFIGURE OUTPUT ${path} CONTENT "${text}" @ONLY)
    set_source_files_properties(${path} PROPERTIES LANGUAGE CXX)
    add_library(sluice_parsed_${name} OBJECT ${path})
    # With no time and no place in it, ccache finds it again, and what was compiled with it, in another clone.
    target_compile_options(sluice_parsed_${name} PRIVATE -O0 "SHELL:-x c++-header" -fpch-instantiate-templates
        "SHELL:-Xclang -fno-pch-timestamp" --relocatable-pch "SHELL:-isysroot ${PROJECT_SOURCE_DIR}")
    target_link_libraries(sluice_parsed_${name} PRIVATE ${ARGN})
    set(SLUICE_PARSED_${name} ${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/sluice_parsed_${name}.dir/parsed_${name}.hpp.o CACHE INTERNAL "")
endfunction()

# sluice_use_parsed(TARGET NAME): the files of the target begin with what was parsed under that name, if anything was.
function(sluice_use_parsed target name)
    if(TARGET sluice_parsed_${name})
        set(parsed ${SLUICE_PARSED_${name}})
        target_compile_options(${target} PRIVATE "SHELL:-include-pch ${parsed}" "SHELL:-isysroot ${PROJECT_SOURCE_DIR}")
        get_target_property(sources ${target} SOURCES)
        set_property(SOURCE ${sources} APPEND PROPERTY OBJECT_DEPENDS ${parsed})
    endif()
endfunction()

file(GLOB headers RELATIVE ${PROJECT_SOURCE_DIR}/include CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/sluice/*/*.hpp)
set(SLUICE_PARSED ${others} ${headers})
sluice_parsed(layers "${SLUICE_PARSED}" sluice_options sluice_dep_asio sluice_dep_simdjson sluice_dep_hiredis)
