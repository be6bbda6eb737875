# What only the window and its tests need. coldscope_qt_library(name SOURCES ... DEPENDS ...)
find_package(Qt6 6.4 REQUIRED COMPONENTS Widgets Charts Svg Concurrent)

# KDE Frameworks 6 where it is packaged; before that a build for Qt 6 in COLDSCOPE_DEPS, and never
# the distribution's, which is for Qt 5.
set(COLDSCOPE_DEPS "" CACHE PATH "Where packaging/setup keeps what it builds")
find_package(KF6SyntaxHighlighting QUIET)
if(KF6SyntaxHighlighting_FOUND)
  set(COLDSCOPE_SYNTAX KF6::SyntaxHighlighting)
else()
  set(folder "${COLDSCOPE_DEPS}")
  if(NOT folder)
    set(folder "$ENV{HOME}/.cache/coldscope/deps")
  endif()
  find_package(KF5SyntaxHighlighting 5.103 REQUIRED NO_DEFAULT_PATH
    PATHS "${folder}/ksyntaxhighlighting")
  set(COLDSCOPE_SYNTAX KF5::SyntaxHighlighting)
endif()

set(COLDSCOPE_QT_DEFINITIONS QT_NO_KEYWORDS QT_NO_FOREACH QT_NO_CAST_FROM_BYTEARRAY
  QT_NO_URL_CAST_FROM_STRING)
if(COLDSCOPE_PCH)
  file(WRITE ${PROJECT_BINARY_DIR}/generated/qt_headers.cpp.new "")
  configure_file(${PROJECT_BINARY_DIR}/generated/qt_headers.cpp.new
    ${PROJECT_BINARY_DIR}/generated/qt_headers.cpp COPYONLY)
  add_library(coldscope-qt-headers STATIC ${PROJECT_BINARY_DIR}/generated/qt_headers.cpp)
  target_link_libraries(coldscope-qt-headers PUBLIC coldscope-options Qt6::Widgets fmt::fmt)
  target_compile_definitions(coldscope-qt-headers PRIVATE ${COLDSCOPE_QT_DEFINITIONS})
  target_precompile_headers(coldscope-qt-headers PRIVATE
    <QtCore> <QPainter> <QWidget> <algorithm> <chrono> <expected> <filesystem> <fmt/format.h> <functional> <map>
    <memory> <optional> <string> <unordered_map> <variant> <vector>)
endif()

# Takes the precompiled headers of all, where they are wanted.
function(coldscope_qt_precompiled name)
  if(COLDSCOPE_PCH)
    target_precompile_headers(${name} REUSE_FROM coldscope-qt-headers)
  endif()
endfunction()

# Later formats have the files' times in them.
set(CMAKE_AUTORCC_OPTIONS --format-version 1)

function(coldscope_qt_library name)
  coldscope_library(${name} ${ARGN})
  coldscope_qt_precompiled(${name})
  set_target_properties(${name} PROPERTIES AUTOMOC ON AUTORCC ON)
  target_compile_definitions(${name} PUBLIC ${COLDSCOPE_QT_DEFINITIONS})
endfunction()
