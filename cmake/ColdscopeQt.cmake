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

function(coldscope_qt_library name)
  coldscope_library(${name} ${ARGN})
  set_target_properties(${name} PROPERTIES AUTOMOC ON AUTORCC ON)
  target_compile_definitions(${name} PUBLIC QT_NO_KEYWORDS QT_NO_FOREACH
    QT_NO_CAST_FROM_BYTEARRAY QT_NO_URL_CAST_FROM_STRING)
endfunction()
