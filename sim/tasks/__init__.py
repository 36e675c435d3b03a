"""Task families, one small file each: scenes, sentences, what is to be true, how many motions it may take."""
