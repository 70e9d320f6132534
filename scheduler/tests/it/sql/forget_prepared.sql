deallocate stated
