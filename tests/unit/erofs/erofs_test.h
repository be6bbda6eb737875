// Shorthand for tests on built images: a failure shows the error's text.
#pragma once

#include "core/erofs/image.h"
#include "core/erofs/read.h"
#include "tests/support/image_builder.h"

#include <QtTest>

namespace coldscope::test {

template <typename T>
[[nodiscard]] T value(Result<T> result) {
    if (!result)
        qFatal("unexpected error: %s", describe(result.error()).c_str());
    if constexpr (!std::is_void_v<T>)
        return std::move(result).value();
}

template <typename T>
[[nodiscard]] Code code_of(const Result<T>& result) {
    if (result)
        qFatal("an error was expected");
    return result.error().code;
}

[[nodiscard]] inline std::unique_ptr<erofs::Image> open(const BuiltImage& built) {
    return value(erofs::Image::open(built.primary()));
}

[[nodiscard]] inline Result<Bytes> contents(erofs::Image& image, const erofs::Inode& inode,
                                            const BuiltImage& built) {
    Bytes bytes(static_cast<std::size_t>(inode.size));
    COLDSCOPE_CHECK(erofs::read_file(image, inode, 0, bytes, built.devices()));
    return bytes;
}

} // namespace coldscope::test
