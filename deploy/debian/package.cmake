# The Debian package: `cpack -G DEB` in a Release tree. The binary, its units, an example configuration and the price table
# as conffiles, man page, completions, dashboards and rules.
install(TARGETS sluice RUNTIME DESTINATION bin)
install(FILES deploy/sluice.service deploy/sluice.socket DESTINATION /lib/systemd/system)
install(FILES deploy/example.yaml DESTINATION /etc/sluice RENAME sluice.yaml)
install(FILES deploy/prices.yaml DESTINATION /etc/sluice)
install(FILES deploy/shell/sluice.bash DESTINATION share/bash-completion/completions RENAME sluice)
install(FILES deploy/shell/_sluice DESTINATION share/zsh/vendor-completions)
install(FILES deploy/every-key.yaml DESTINATION share/doc/sluice/examples)
install(DIRECTORY deploy/balancers deploy/prometheus grafana DESTINATION share/doc/sluice/examples)
install(FILES deploy/README.md deploy/SCALING.md DESTINATION share/doc/sluice)
install(FILES deploy/debian/copyright DESTINATION share/doc/sluice)
install(FILES deploy/debian/lintian-overrides DESTINATION share/lintian/overrides RENAME sluice)

# gzip without a name and a time in it: the same sources are the same package.
find_program(SLUICE_GZIP gzip)
if(SLUICE_GZIP)
    foreach(pair "deploy/shell/sluice.1:sluice.1.gz:share/man/man1" "deploy/debian/changelog:changelog.gz:share/doc/sluice")
        string(REPLACE ":" ";" pair ${pair})
        list(GET pair 0 from)
        list(GET pair 1 to)
        list(GET pair 2 where)
        set(packed ${CMAKE_BINARY_DIR}/package/${to})
        add_custom_command(OUTPUT ${packed} DEPENDS ${CMAKE_SOURCE_DIR}/${from}
            COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/package
            COMMAND ${SLUICE_GZIP} -9nc ${CMAKE_SOURCE_DIR}/${from} > ${packed})
        list(APPEND packed_files ${packed})
        install(FILES ${packed} DESTINATION ${where})
    endforeach()
    add_custom_target(package_files ALL DEPENDS ${packed_files})
    add_dependencies(sluice package_files)
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME sluice)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(SLUICE_MAINTAINER "Sluice <maintainers@sluice.example>" CACHE STRING "Whom the package names")
set(CPACK_PACKAGE_CONTACT ${SLUICE_MAINTAINER})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "LLM gateway, one OpenAI-compatible address for many providers")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "It splits a model's traffic between providers by weight, moves a canary
live, holds every key to its limits and budgets, relays answers and
streams byte for byte, and tells Prometheus all of it.")
# Where files go is said with absolute paths too.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser, ca-certificates, tzdata")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${CMAKE_SOURCE_DIR}/deploy/debian/conffiles
    ${CMAKE_SOURCE_DIR}/deploy/debian/postinst
    ${CMAKE_SOURCE_DIR}/deploy/debian/prerm
    ${CMAKE_SOURCE_DIR}/deploy/debian/postrm)
include(CPack)
