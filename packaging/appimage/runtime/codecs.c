/* Decoders that libsquashfuse names and the payload has no use for: it is always compressed with
 * zstd. Linked in place of the libraries, of which liblzo2's licence would extend to the runtime;
 * each says that it can't decompress. The last two are called by nobody here, and keep libfuse's
 * high-level half out, and with it dlopen. */
#include <stddef.h>

int lzo1x_decompress_safe(const unsigned char* in, size_t in_size, unsigned char* out,
                          size_t* out_size, void* memory);
int LZ4_decompress_safe(const char* in, char* out, int in_size, int out_size);
int lzma_stream_buffer_decode(void* memory_limit, unsigned flags, const void* allocator,
                              const unsigned char* in, size_t* in_at, size_t in_size,
                              unsigned char* out, size_t* out_at, size_t out_size);
/* Named by libsquashfuse 0.5. */
int lzma_alone_decoder(void* stream, unsigned long memory_limit);
int lzma_code(void* stream, int action);
void lzma_end(void* stream);
int uncompress(unsigned char* out, unsigned long* out_size, const unsigned char* in,
               unsigned long in_size);
void cuse_lowlevel_init(void);
void fuse_cmdline_help(void);

int lzo1x_decompress_safe(const unsigned char* in, size_t in_size, unsigned char* out,
                          size_t* out_size, void* memory) {
    (void)in, (void)in_size, (void)out, (void)out_size, (void)memory;
    return -1;
}

int LZ4_decompress_safe(const char* in, char* out, int in_size, int out_size) {
    (void)in, (void)out, (void)in_size, (void)out_size;
    return -1;
}

int lzma_stream_buffer_decode(void* memory_limit, unsigned flags, const void* allocator,
                              const unsigned char* in, size_t* in_at, size_t in_size,
                              unsigned char* out, size_t* out_at, size_t out_size) {
    (void)memory_limit, (void)flags, (void)allocator, (void)in, (void)in_at, (void)in_size;
    (void)out, (void)out_at, (void)out_size;
    return 9; /* LZMA_DATA_ERROR */
}

int lzma_alone_decoder(void* stream, unsigned long memory_limit) {
    (void)stream, (void)memory_limit;
    return 9;
}

int lzma_code(void* stream, int action) {
    (void)stream, (void)action;
    return 9;
}

void lzma_end(void* stream) {
    (void)stream;
}

int uncompress(unsigned char* out, unsigned long* out_size, const unsigned char* in,
               unsigned long in_size) {
    (void)out, (void)out_size, (void)in, (void)in_size;
    return -3; /* Z_DATA_ERROR */
}

void cuse_lowlevel_init(void) {}
void fuse_cmdline_help(void) {}
