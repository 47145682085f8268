# maillon_module(NAME SOURCES … LINKS …): one static library per folder.
# The include root is the project, so includes read "crypto/hash.hpp"; links are public because
# headers of a lower layer are part of the upper one's.
add_library(maillon_options INTERFACE)
target_include_directories(maillon_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(maillon_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                                                 $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
                                                 -fno-strict-aliasing)
if(MAILLON_WERROR)
  target_compile_options(maillon_options INTERFACE -Werror)
endif()
if(MAILLON_FAULTS)
  target_compile_definitions(maillon_options INTERFACE MAILLON_FAULTS=1)
endif()
if(MAILLON_SANITIZE)
  target_compile_options(maillon_options INTERFACE -fsanitize=${MAILLON_SANITIZE}
                                                   -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(maillon_options INTERFACE -fsanitize=${MAILLON_SANITIZE})
  if(MAILLON_SANITIZE MATCHES thread)
    target_compile_options(maillon_options INTERFACE -Wno-tsan)
  endif()
endif()

function(maillon_module name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINKS" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC maillon_options ${arg_LINKS})
endfunction()
