# One call makes a folder's library: coldscope_library(core-base SOURCES a.cpp DEPENDS fmt::fmt).
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)

add_library(coldscope-options INTERFACE)
target_include_directories(coldscope-options INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/generated)
target_compile_options(coldscope-options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>
  -fno-omit-frame-pointer $<$<BOOL:${COLDSCOPE_WERROR}>:-Werror>)
target_compile_definitions(coldscope-options INTERFACE _FILE_OFFSET_BITS=64)
if(COLDSCOPE_SANITIZE)
  target_compile_options(coldscope-options INTERFACE
    -fsanitize=${COLDSCOPE_SANITIZE} -fno-sanitize-recover=all)
  # lld links such programs, of which there are hundreds, in a third of the time.
  find_program(COLDSCOPE_LLD ld.lld)
  target_link_options(coldscope-options INTERFACE
    -fsanitize=${COLDSCOPE_SANITIZE} $<$<BOOL:${COLDSCOPE_LLD}>:-fuse-ld=lld>)
endif()

file(WRITE ${PROJECT_BINARY_DIR}/generated/coldscope_version.h.new
  "#pragma once\n#define COLDSCOPE_VERSION \"${PROJECT_VERSION}\"\n")
configure_file(${PROJECT_BINARY_DIR}/generated/coldscope_version.h.new
  ${PROJECT_BINARY_DIR}/generated/coldscope_version.h COPYONLY)

function(coldscope_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC coldscope-options ${ARG_DEPENDS})
endfunction()
